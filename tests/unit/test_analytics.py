from __future__ import annotations

from datetime import date
from decimal import Decimal

import httpx
import pytest

from infra.analytics import Analytics
from infra.charts import Share, Week
from infra.errors import TonnageError

START, END = date(2026, 11, 9), date(2026, 11, 22)


def answering(status: int, text: str, asked: list[httpx.URL] | None = None) -> Analytics:
    def answer(request: httpx.Request) -> httpx.Response:
        (asked if asked is not None else []).append(request.url)
        return httpx.Response(status, text=text)

    return Analytics(httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)))


def test_weeks_keep_every_digit() -> None:
    asked: list[httpx.URL] = []
    text = (
        '{"weekly_volumes":[{"week":"2026-W47","totalVolume":14529.99999999999952,'
        '"workoutCount":2,"avgVolumePerWorkout":7265}],"meta":{}}'
    )
    assert answering(200, text, asked).weeks(START, END) == [
        Week("2026-W47", Decimal("14529.99999999999952"), 2, Decimal(7265))
    ]
    assert str(asked[0]) == (
        "http://api/v1/users/me/weekly-volume?start=2026-11-09&end=2026-11-22&fill=zero"
    )


def test_groups_have_their_share() -> None:
    text = '{"muscle_groups":{"legs":{"volume":17.40,"percentage":100}},"meta":{}}'
    groups = answering(200, text).muscle_groups(START, END)
    assert groups == {"legs": Share(Decimal("17.40"), Decimal(100))}


def test_a_refusal_says_what_the_api_says() -> None:
    with pytest.raises(TonnageError, match=r"refused http://api/v1/users/me/.*: expired"):
        answering(401, "expired").muscle_groups(START, END)


def test_an_api_that_is_away_is_named() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(away))
    with pytest.raises(TonnageError, match="the API at http://api fails: connection refused"):
        Analytics(client).weeks(START, END)
