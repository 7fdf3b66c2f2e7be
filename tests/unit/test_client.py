from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice

import httpx
import pytest

from api.client import Analytics
from api.client_errors import (
    InvalidParameterError,
    NotFoundError,
    RefusedError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from api.client_events import Changed, Gone, Ready, Reset

META = '"meta":{"as_of":{"time":"2026-11-18T12:00:00Z","lsn":"0/1"},"lag_seconds":0.5,"stale":false,"quarantined":2,"generation":1}'  # noqa: E501 - as it comes
FIGURES = (
    '{"user_id":1,"year":2026,"week":"2026-W47","total_volume":14529.99999999999952,'
    '"workout_count":1,"set_count":1,"rep_count":1,"volume_by_muscle_group":{"a\u2028b":1},'
    '"sets_by_muscle_group":{},"sessions_by_muscle_group":{},"last_trained_by_muscle_group":{},'
    '"volume_by_day":{},"quarantined":0,"created_at":"2026-11-18T12:00:00Z",'
    '"updated_at":"2026-11-18T12:00:00Z"}'
)


def asking(answer: Callable[[httpx.Request], httpx.Response]) -> Analytics:
    return Analytics(httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)))


def problem(status: int, **headers: str) -> httpx.Response:
    named = {"content-type": "application/problem+json"} | headers
    text = (
        f'{{"type":"about:blank","title":"No","status":{status},"detail":"so it is",'
        '"instance":"/v1","parameter":"start"}'
    )
    return httpx.Response(status, text=text, headers=named)


def test_figures_keep_every_digit() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        text = (
            '{"weekly_volumes":[{"week":"2026-W47","totalVolume":14529.99999999999952,'
            f'"workoutCount":2,"avgVolumePerWorkout":7265}}],{META}}}'
        )
        return httpx.Response(200, text=text, headers={"ETag": 'W/"a"'})

    found = asking(answer).weekly_volume("2026-W46", fill="zero", min_lsn="0/1")
    (week,) = found.data.weekly_volumes
    assert week.totalVolume == Decimal("14529.99999999999952")
    assert (found.meta.lag_seconds, found.meta.quarantined, found.etag) == (0.5, 2, 'W/"a"')
    assert str(asked[0]) == (
        "http://api/v1/users/me/weekly-volume?start=2026-W46&fill=zero&min_lsn=0%2F1"
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UnauthorizedError),
        (404, NotFoundError),
        (422, InvalidParameterError),
        (429, TooManyRequestsError),
        (503, UnavailableError),
        (500, RefusedError),
    ],
)
def test_a_refusal_has_its_kind_and_problem(status: int, kind: type[RefusedError]) -> None:
    with pytest.raises(kind, match=r"refused http://api/v1/users/me/streak: so it is") as refused:
        asking(lambda _: problem(status, **{"Retry-After": "3"})).streak()
    assert type(refused.value) is kind
    assert refused.value.problem.status == status
    assert refused.value.problem.parameter == "start"
    assert refused.value.retry_after == 3


def test_a_proxy_may_refuse_in_other_words() -> None:
    with pytest.raises(RefusedError, match="bad gateway") as refused:
        asking(lambda _: httpx.Response(502, text="bad gateway")).streak()
    assert (refused.value.problem.status, refused.value.retry_after) == (502, None)


def away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def test_an_api_that_is_away_is_named() -> None:
    with pytest.raises(UnreachableError, match="the API at http://api fails: connection refused"):
        asking(away).streak()


def test_live_goes_on_after_each_lost_connection() -> None:
    ready = f"id: 1.5\nevent: ready\ndata: {{{META}}}\n\n"
    week = f":\n\nid: 1.6\nevent: week\ndata: {FIGURES}\n\n"
    gone = 'id: 1.7\nevent: gone\ndata: {"user_id":1,"week":"2026-W46"}\n\n'
    reset = f"id: 2.8\nevent: reset\ndata: {{{META}}}\n\n"
    connections: Iterator[Callable[[httpx.Request], httpx.Response]] = iter(
        [
            lambda _: httpx.Response(200, text=ready + week),
            away,
            lambda _: problem(503),
            lambda _: httpx.Response(200, text=""),
            lambda _: httpx.Response(200, text=gone + "id: 1.8\nevent: we"),  # cut off
            lambda _: httpx.Response(200, text=reset),
            lambda _: problem(401),
        ]
    )
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("last-event-id"))
        return next(connections)(request)

    events = asking(answer).live()
    seen = list(islice(events, 4))
    assert [type(each) for each in seen] == [Ready, Changed, Gone, Reset]
    assert isinstance(seen[1], Changed)
    assert seen[1].week.total_volume == Decimal("14529.99999999999952")
    assert seen[1].week.volume_by_muscle_group == {"a\u2028b": 1}
    with pytest.raises(UnauthorizedError):
        next(events)
    assert sent == [None, "1.6", "1.6", "1.6", "1.6", "1.7", "2.8"]


def test_live_begins_after_an_id() -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["last-event-id"])
        return problem(404)

    with pytest.raises(NotFoundError):
        next(asking(answer).live("1.5"))
    assert sent == ["1.5"]
