"""The Python client against the API itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from api.client import Analytics, Answer, pages
from api.client_errors import InvalidParameterError, NotFoundError, UnauthorizedError
from api.client_events import Changed, Ready
from api.routes import OF_USER, ROUTES
from api.security import make_token
from stream.notices import CHANNEL, notices
from tests.integration.conftest import NOW, Api, ReadStore

Asking = Callable[[Analytics], Answer[Any]]

QUESTIONS: dict[str, Asking] = {
    "weekly-volume?fill=zero": lambda ask: ask.weekly_volume(fill="zero"),
    "weekly-frequency": lambda ask: ask.weekly_frequency(),
    "muscle-groups?start=2026-W46": lambda ask: ask.muscle_groups("2026-W46"),
    "muscle-groups/summary": lambda ask: ask.muscle_groups_summary(),
    "muscle-groups/weekly": lambda ask: ask.muscle_groups_weekly(),
    "muscle-groups/comparison": lambda ask: ask.muscle_groups_comparison(),
    "muscle-groups/balance?weeks=9&threshold=0.1": lambda ask: ask.muscle_groups_balance(
        9, threshold=Decimal("0.1")
    ),
    "muscle-groups/recency": lambda ask: ask.muscle_groups_recency(),
    "top-workouts?limit=1": lambda ask: ask.top_workouts(limit=1),
    "year-over-year": lambda ask: ask.year_over_year(),
    "calendar?year=2026": lambda ask: ask.calendar(2026),
    "records?at=2026-11-18": lambda ask: ask.records(at=NOW.date()),
    "records/7": lambda ask: ask.records(7),
    "exercises": lambda ask: ask.exercises(),
    "exercises/7/progress": lambda ask: ask.progress(7),
    "streak": lambda ask: ask.streak(),
    "weeks/2026-W46": lambda ask: ask.week("2026-W46"),
    "weeks/2026-W46/explain": lambda ask: ask.explain("2026-W46"),
}


@pytest.fixture
def ask(api: Api, read_store: ReadStore) -> Iterator[Analytics]:
    groups = {"volume_by_muscle_group": {"legs": 1740.5}}
    read_store.week(1, 2026, 46, total_volume=Decimal("1740.5"), workout_count=2, **groups)
    read_store.insert("exercises", exercise_id=7, name="Squat", muscle_group="legs")
    sets = [{"set": 1, "reps": 5, "weight": 92.5, "volume": 462.5}]
    lift = {"performed_exercise_id": 3, "exercise_id": 7, "volume": 462.5, "sets": sets}
    for workout in (1, 2):
        read_store.insert(
            "workouts", workout_id=workout, user_id=1, date=NOW - timedelta(days=7), year=2026,
            week=46, name="Legs", total_volume=462.5, exercises=[lift],
        )  # fmt: skip
    for kind in ("heaviest_weight", "estimated_1rm", "set_reps"):
        read_store.insert(
            "personal_records", user_id=1, exercise_id=7, kind=kind, value=5, reps=5, weight=92.5,
            date=NOW, workout_id=1, performed_exercise_id=3, set_number=1,
        )  # fmt: skip
    with Analytics.at(str(api.http.base_url), make_token(api.settings, 1)) as ask:
        yield ask


@pytest.mark.parametrize("path", QUESTIONS)
def test_an_answer_is_what_the_api_says(api: Api, ask: Analytics, path: str) -> None:
    answer = QUESTIONS[path](ask)
    raw = json.loads(api.get(f"/v1/users/1/{path}").text)
    assert json.loads(encoded(answer.meta)) == raw.pop("meta")
    assert json.loads(encoded(answer.data)) == raw
    assert raw


def encoded(value: msgspec.Struct) -> bytes:
    return msgspec.json.Encoder(decimal_format="number").encode(value)


def test_every_question_can_be_asked() -> None:
    served = {each.path.removeprefix(f"{OF_USER}/") for each in ROUTES if OF_USER in each.path}
    holes = {"/7": "/{exercise_id}", "/2026-W46": "/{week}"}
    asked = set()
    for path in QUESTIONS:
        for value, hole in holes.items():
            path = path.partition("?")[0].replace(value, hole)  # noqa: PLW2901 - made plain
        asked.add(path)
    assert asked == served


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_known_answer_is_not_sent_again(ask: Analytics, path: str) -> None:
    first = QUESTIONS[path](ask)
    again = ask.ask(type(first.data), *asked_as(path), known=first)
    assert again.unchanged
    assert again.data is first.data
    assert again.meta == first.meta


def asked_as(path: str) -> tuple[str, dict[str, str]]:
    question, _, query = path.partition("?")
    return question, dict(each.split("=") for each in query.split("&") if each)


def test_a_known_answer_that_has_changed_is_sent(ask: Analytics, read_store: ReadStore) -> None:
    known = ask.weekly_volume()
    read_store.execute("UPDATE tonnage_g1.weekly_stats SET total_volume = 7, version = 9")
    changed = ask.weekly_volume(known=known)
    assert not changed.unchanged
    assert changed.data.weekly_volumes[0].totalVolume == 7


def test_min_lsn_is_waited_for(ask: Analytics) -> None:
    assert not ask.streak(min_lsn="0/16B6C50").meta.stale
    assert "min_lsn" in (ask.streak(min_lsn="1/0").meta.reason or "")


def test_pages_make_the_whole(ask: Analytics) -> None:
    found = [each for page in pages(ask.records, limit=2) for each in page.data.records]
    assert found == ask.records().data.records
    assert len(found) == 3
    assert len([*pages(ask.records, 7, limit=1)]) == 3
    assert len([*pages(ask.top_workouts, limit=1)]) == 2


def test_refusals_are_errors(api: Api, ask: Analytics) -> None:
    with pytest.raises(NotFoundError):
        ask.about(2).streak()
    with pytest.raises(NotFoundError):
        ask.week("2026-W01")
    with pytest.raises(InvalidParameterError) as refused:
        ask.weekly_volume("yesterday")
    assert refused.value.problem.parameter == "start"
    ended = make_token(api.settings, 1, ttl=timedelta(seconds=-1))
    with Analytics.at(str(api.http.base_url), ended) as late, pytest.raises(UnauthorizedError):
        late.streak()


def test_live_tells_of_a_change(ask: Analytics, read_store: ReadStore) -> None:
    events = ask.live()
    ready = next(events)
    assert isinstance(ready, Ready)
    assert ready.meta.quarantined == 0
    with read_store.connection.transaction():
        read_store.week(1, 2026, 47, total_volume=50, version=8)
        (payload,) = notices(1, [b'{"user_id":1,"week":"2026-W47"}'])
        read_store.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
    changed = next(each for each in events if isinstance(each, Changed) and each.id == "0.8")
    assert changed.week == ask.week("2026-W47").data
    events.close()
