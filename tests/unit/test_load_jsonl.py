from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from infra.logs import BadLine, LoggedExercise, LoggedWorkout, read_jsonl

GOOD: dict[str, object] = {
    "user": "ann",
    "ts": "2026-11-16T07:00:00",
    "title": "Push",
    "exercises": [{"name": "Bench", "reps": [10, 8], "weights": [100, 92.5]}],
}


def read(*lines: str, user: str | None = None) -> list[LoggedWorkout | BadLine]:
    return list(read_jsonl(lines, user, UTC))


def exercise(**given: object) -> LoggedExercise:
    fields = {"name": "Bench", "reps": [1], "weights": None} | given
    (workout,) = read(json.dumps(GOOD | {"exercises": [fields]}))
    assert isinstance(workout, LoggedWorkout)
    return workout.exercises[0]


def test_a_line_is_a_workout() -> None:
    bench = LoggedExercise("Bench", (Decimal(10), Decimal(8)), (Decimal(100), Decimal("92.5")))
    time = datetime(2026, 11, 16, 7, tzinfo=UTC)
    assert read(json.dumps(GOOD)) == [LoggedWorkout(1, "ann", time, "Push", (bench,))]


def test_numbers_keep_every_digit() -> None:
    (workout,) = read(
        '{"user":"ann","ts":"2026-11-16","exercises":'
        '[{"name":"Bench","reps":[1],"weights":[44.092452436975510000001]}]}'
    )
    assert isinstance(workout, LoggedWorkout)
    (weight,) = workout.exercises[0].weights or ()
    assert str(weight) == "44.092452436975510000001"


def test_missing_repetitions_are_none_done() -> None:
    assert exercise(reps=[None, 5]).reps == (Decimal(0), Decimal(5))


@pytest.mark.parametrize("weights", [None, [], [None, None]])
def test_weights_that_are_all_missing_are_none(weights: object) -> None:
    assert exercise(weights=weights).weights is None


def test_a_missing_weight_among_others_stays() -> None:
    assert exercise(weights=[None, 5]).weights == (None, Decimal(5))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01T00:30:00", datetime(2026, 6, 30, 22, 30, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T00:30:00Z", datetime(2026, 7, 1, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_zone_is_in_the_deployments(written: str, meant: datetime) -> None:
    line = json.dumps(GOOD | {"ts": written})
    (workout,) = read_jsonl([line], None, ZoneInfo("Europe/Berlin"))
    assert isinstance(workout, LoggedWorkout)
    assert workout.time == meant


def test_a_given_user_overrules_the_lines() -> None:
    (workout,) = read(json.dumps(GOOD), user="bob")
    assert isinstance(workout, LoggedWorkout)
    assert workout.user == "bob"


def test_a_bad_line_does_not_stop_the_others() -> None:
    first, second, third = read(json.dumps(GOOD), "{nonsense", "", json.dumps(GOOD))
    assert isinstance(first, LoggedWorkout)
    assert isinstance(second, BadLine)
    assert isinstance(third, LoggedWorkout)
    assert (second.line, third.line) == (2, 4)
    assert "not JSON" in second.reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"user": None}, "the user is None, not text"),
        ({"user": ""}, "the user's name is empty"),
        ({"ts": "yesterday"}, "'yesterday' is not an ISO 8601 time"),
        ({"ts": 5}, "ts is '5', not an ISO 8601 time"),
        ({"ts": "0001-01-01T00:00:00+10:00"}, "is not an ISO 8601 time"),
        ({"title": "x" * 101}, "longer than 100 characters"),
        ({"title": "a\x00b"}, "holds what is no character"),
        ({"title": "\ud800"}, "holds what is no character"),
        ({"exercises": None}, "exercises is None, not a list"),
        ({"exercises": [5]}, "an exercise is not a JSON object"),
        ({"exercises": [{"name": " ", "reps": []}]}, "an exercise's name is empty"),
        ({"exercises": [{"name": "Bench"}]}, "reps of Bench is None, not a list"),
        ({"exercises": [{"name": "Bench", "reps": ["ten"]}]}, "'ten' is not a number"),
        ({"exercises": [{"name": "Bench", "reps": [True]}]}, "True is not a number"),
        ({"exercises": [{"name": "Bench", "reps": [float("nan")]}]}, "NaN is not a number"),
        (
            {"exercises": [{"name": "Bench", "reps": [1], "weights": [[]]}]},
            "weights of Bench: [] is not a number",
        ),
    ],
)
def test_a_bad_line_says_why(changed: dict[str, object], reason: str) -> None:
    (found,) = read(json.dumps(GOOD | changed))
    assert isinstance(found, BadLine)
    assert reason in found.reason


def test_a_number_beyond_any_database_is_refused() -> None:
    (found,) = read('{"user":"ann","ts":"2026-11-16","exercises":[{"name":"B","reps":[1e9999]}]}')
    assert isinstance(found, BadLine)
    assert "'1e9999' is not a number that a log can hold" in found.reason
