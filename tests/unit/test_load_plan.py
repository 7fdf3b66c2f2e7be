from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from infra.load import client_volume, json_list
from infra.load_plan import (
    HeldWorkout,
    PlannedExercise,
    PlannedWorkout,
    Write,
    held_row,
    missing,
)
from infra.logs import LoggedExercise, LoggedWorkout, weights_or_none

TIME = datetime(2026, 11, 16, 7, tzinfo=UTC)


def performed(exercise_id: int, *weights: str) -> PlannedExercise:
    numbers = tuple(map(Decimal, weights))
    reps = (Decimal(5),) * len(weights)
    return PlannedExercise(exercise_id, LoggedExercise(f"E{exercise_id}", reps, numbers))


def workout(*exercises: PlannedExercise, title: str = "A") -> PlannedWorkout:
    logged = LoggedWorkout(1, "ann", TIME, title, tuple(each.performed for each in exercises))
    return PlannedWorkout(logged, 1, exercises)


def held(workout_id: int, *exercises: PlannedExercise) -> HeldWorkout:
    return HeldWorkout(workout_id, workout(*exercises).rows)


SQUAT, PRESS = performed(1, "100", "90.5"), performed(2, "50")
KEY = workout().key


def test_a_new_workout_is_written_whole() -> None:
    new = workout(SQUAT, PRESS)
    assert missing([new], {}) == [Write(new, None, (SQUAT, PRESS))]


def test_what_is_held_is_not_written() -> None:
    assert missing([workout(SQUAT, PRESS)], {KEY: [held(7, PRESS, SQUAT)]}) == []


def test_a_half_written_workout_is_completed() -> None:
    new = workout(SQUAT, PRESS, SQUAT)
    assert missing([new], {KEY: [held(7, SQUAT)]}) == [Write(new, 7, (PRESS, SQUAT))]


def test_a_workout_without_rows_yet_is_completed() -> None:
    new = workout(SQUAT)
    assert missing([new], {KEY: [held(7)]}) == [Write(new, 7, (SQUAT,))]


def test_equal_workouts_of_a_log_are_two() -> None:
    twice = [workout(SQUAT), workout(SQUAT)]
    assert len(missing(twice, {})) == 2
    assert len(missing(twice, {KEY: [held(7, SQUAT)]})) == 1
    assert missing(twice, {KEY: [held(7, SQUAT), held(8, SQUAT)]}) == []


def test_an_equal_workout_is_not_taken_for_the_start_of_another() -> None:
    longer, shorter = workout(SQUAT, PRESS), workout(SQUAT)
    both = {KEY: [held(7, SQUAT), held(8, SQUAT)]}
    assert missing([longer, shorter], both) == [Write(longer, 8, (PRESS,))]


def test_other_content_or_title_is_another_workout() -> None:
    new = [workout(PRESS), workout(SQUAT, title="B")]
    assert [each.workout_id for each in missing(new, {KEY: [held(7, SQUAT)]})] == [None, None]


@pytest.mark.parametrize("weights", ["[100, 90.5]", "[100.0, 90.50]", "[1e2, 90.5]"])
def test_a_row_is_the_same_however_its_numbers_are_written(weights: str) -> None:
    assert held_row(1, "[5, 5.0]", weights) == SQUAT.row


@pytest.mark.parametrize("weights", [None, "[]", "[null, null]"])
def test_no_weights_are_the_same_however_they_are_written(weights: str | None) -> None:
    bare = PlannedExercise(1, LoggedExercise("E1", (Decimal(5),), weights_or_none([None])))
    assert held_row(1, "[5]", weights) == bare.row


@pytest.mark.parametrize("reps", ['["five"]', "5", "[true]", '{"a": [1]}', "[[5]]", "[1e99999]"])
def test_a_row_that_no_log_holds_is_like_none(reps: str) -> None:
    assert held_row(1, reps, None)[1] == reps


@pytest.mark.parametrize(
    ("weights", "sent"),
    [(("2.1",), 11), (("0.3",), 2), (("-20",), 0), (("1e12",), 2**31 - 1), ((), 0)],
)
def test_the_client_sends_what_its_column_holds(weights: tuple[str, ...], sent: int) -> None:
    assert client_volume([performed(1, *weights).performed]) == sent


def test_numbers_are_written_as_they_were_read() -> None:
    numbers = [Decimal("44.09245243697551"), None, Decimal("10.0"), Decimal("1E+2")]
    assert json_list(numbers) == "[44.09245243697551, null, 10.0, 1E+2]"
