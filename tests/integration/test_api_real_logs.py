"""Every question about real logs and made users, held to a recomputation of its own.

The rows go through the steps and the sink; what the API then answers shares no code with what
it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from api.client import Analytics
from api.client_events import Changed, Ready
from api.routes import OF_CALLER, OF_USER, ROUTES
from api.security import make_token
from stream.settings import load_settings
from tests.integration import real_logs
from tests.integration.conftest import SECRET, Api, ReadStore, serving
from tests.recomputed import questions
from tests.recomputed.answers import QUESTIONS, Answers
from tests.topology.source import Tables

LOGS, LONE, EDGES, LONG, EMPTY = range(1, 5), range(5, 9), 9, 10, 11
USERS = [*LOGS, *LONE, EDGES, LONG, EMPTY]
ZONES = ("America/New_York", "Europe/Berlin")
MOMENTS = [
    datetime(2020, 12, 31, 23, 30, tzinfo=UTC),  # 2020-W53 in both zones, in Berlin in 2021
    datetime(2021, 1, 3, 23, 30, tzinfo=UTC),  # Monday of 2021-W01 in Berlin alone
    datetime(2021, 1, 4, 4, 59, tzinfo=UTC),  # still 2020-W53 in New York
    datetime(2021, 3, 14, 7, 30, tzinfo=UTC),  # the night that loses an hour in New York
    datetime(2021, 3, 28, 1, 30, tzinfo=UTC),  # and in Berlin
    datetime(2021, 3, 28, 22, 30, tzinfo=UTC),  # the Monday after it in Berlin
    datetime(2021, 10, 31, 0, 30, tzinfo=UTC),  # the hour that comes twice in Berlin
    datetime(2021, 10, 31, 1, 30, tzinfo=UTC),
    datetime(2021, 11, 7, 5, 30, tzinfo=UTC),  # and in New York
    datetime(2021, 11, 7, 6, 30, tzinfo=UTC),
    datetime(2021, 11, 8, 4, 30, tzinfo=UTC),
]
NOWS = [
    *MOMENTS[1:3],
    datetime(2021, 11, 8, 4, 30, tzinfo=UTC),
    datetime(2024, 12, 31, 12, 0, tzinfo=UTC),  # 2025-W01
    datetime(2025, 6, 18, 12, 0, tzinfo=UTC),
]
NOW = NOWS[-1]


@pytest.fixture(scope="module", params=ZONES)
def zone(request: pytest.FixtureRequest) -> ZoneInfo:
    return ZoneInfo(request.param)


@pytest.fixture(scope="module")
def tables(zone: ZoneInfo) -> Tables:
    held = real_logs.tables(zone)
    for user, when in zip(LONE, (MOMENTS[2], MOMENTS[4], MOMENTS[6], MOMENTS[9]), strict=True):
        real_logs.add_workout(held, user, when, (1, "[5,0]", "[92.5]"))
    for number, when in enumerate(MOMENTS):
        # Equal volumes, records and groups' sums, so that ties are met.
        tied = (1 + number % 3, "[10,5]", "[50,100]")
        real_logs.add_workout(held, EDGES, when, tied, (4, "[1]", "[0.05]"), (5, "[3]", "[-20]"))
    real_logs.add_workout(held, EDGES, MOMENTS[0], (1, "[10,5]", "[50,100]"), (1, "[100]", None))
    real_logs.add_workout(held, EDGES, MOMENTS[1])
    began = datetime(2000, 6, 14, 17, 0, tzinfo=UTC)
    for week in range(25 * 52 + 5):
        lifts = [(1 + (week + n) % 7, f"[{5 + n},{week % 13}]", f"[{40 + week % 31}.25]")
                 for n in range(1 + week % 3)]  # fmt: skip
        real_logs.add_workout(held, LONG, began + timedelta(weeks=week), *lifts)
    return held


@pytest.fixture(scope="module")
def answers(tables: Tables, zone: ZoneInfo) -> Answers:
    return Answers(tables, zone)


@pytest.fixture(scope="module")
def api(database: ReadStore, tables: Tables, zone: ZoneInfo, api_home: Path) -> Iterator[Api]:
    database.clear()
    real_logs.fill(database, tables, zone)
    settings = load_settings(
        home=api_home, read_store_dsn=database.dsn, jwt_secret=SECRET, timezone=zone.key
    )
    with serving(settings) as api:
        yield api


def asking(api: Api, user: int, begin: str | None = None) -> questions.Ask:
    """Return how questions about a user are asked; their numbers are exact."""

    def ask(path: str, asked: dict[str, str]) -> dict[str, Any] | None:
        query = "&".join(f"{name}={text}" for name, text in asked.items())
        response = api.get(f"{begin or f'/v1/users/{user}/'}{path}?{query}", user)
        return questions.answer(response.status_code, response.text)

    return ask


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("now", NOWS, ids=str)
def test_what_depends_on_the_day(api: Api, answers: Answers, user: int, now: datetime) -> None:
    api.now = now
    for question in questions.of_now(now.astimezone(api.settings.zone).isoformat()):
        questions.hold(asking(api, user), answers, user, now, question)


@pytest.mark.parametrize("user", USERS)
def test_what_is_the_same_on_any_day(api: Api, answers: Answers, user: int) -> None:
    api.now = NOW
    for question in questions.of_history(answers.history(user)):
        questions.hold(asking(api, user), answers, user, NOW, question)


@pytest.mark.parametrize("at", questions.AT)
def test_records_at_a_date(api: Api, answers: Answers, at: str) -> None:
    api.now = NOW
    for user in USERS:
        question = ("records", {"at": at, "limit": "700"}, ())
        questions.hold(asking(api, user), answers, user, NOW, question)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("path", questions.MOVED)
def test_an_existing_front_end_gets_the_same(
    api: Api, answers: Answers, user: int, path: str
) -> None:
    for now, asked in ((NOWS[1], {}), (NOW, {}), (NOW, questions.SPANS[0])):
        api.now = now

        def ask(path: str, asked: dict[str, str]) -> dict[str, Any] | None:
            old = {f"{name}_date": text for name, text in asked.items()}
            return asking(api, user, "/api/analytics/")(f"{path}/", old)

        moved = {} if path == "muscle-groups/summary" else asked
        questions.hold(ask, answers, user, now, (path, moved, ()))


@pytest.mark.parametrize("user", USERS)
def test_every_week_is_explained_to_each_figure(api: Api, answers: Answers, user: int) -> None:
    api.now = NOW
    weeks = [*answers.history(user).stats]
    for week in weeks[:: 9 if user == LONG else 1]:
        questions.hold_explanation(asking(api, user), week)


@pytest.mark.parametrize("user", USERS)
def test_live_tells_every_week_to_who_has_none(api: Api, answers: Answers, user: int) -> None:
    api.now = NOW
    told = {}
    with Analytics.at(str(api.http.base_url), make_token(api.settings, user)) as ask:
        events = ask.live("0.0")
        for event in takewhile(lambda each: not isinstance(each, Ready), events):
            assert isinstance(event, Changed)
            week = msgspec.to_builtins(event.week, builtin_types=(Decimal,))
            told[event.week.week] = questions.told(week, "weeks/{week}")
        events.close()
    weeks = answers.history(user).stats
    assert told == {week: answers.to(user, NOW, "weeks/{week}", {}, week) for week in weeks}


def test_every_question_is_recomputed(answers: Answers) -> None:
    served = {route.path.removeprefix(f"{OF_USER}/") for route in ROUTES}
    moved = {path for path in served if path.startswith(OF_CALLER)}
    assert served - moved == QUESTIONS.keys()
    assert moved == {f"{OF_CALLER}/{path}/" for path in questions.MOVED}
    asked = {path for path, _, _ in questions.of_now("2025-01-01")}
    assert (
        asked | {path for path, _, _ in questions.of_history(answers.history(1))}
        == QUESTIONS.keys()
    )


@pytest.mark.parametrize(
    ("path", "name"), [("records", "records"), ("exercises", "exercises"),
                       ("top-workouts", "top_workouts"), ("records?at=2030-01-01", "records")]
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 300])
def test_pages_make_the_whole(api: Api, path: str, name: str, size: int) -> None:
    path, _, query = path.partition("?")
    asked = dict(each.split("=") for each in query.split("&") if each)
    ask = asking(api, 4)
    one = ask(path, asked | {"limit": "1000"})
    assert one is not None
    whole = questions.whole(ask, path, asked | {"limit": str(size)}, name)
    assert whole[name] == one[name]
    assert len(one[name]) > 10
