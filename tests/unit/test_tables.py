from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from stream.cdc.envelope import UNAVAILABLE, BadEventError
from stream.cdc.tables import (
    ExerciseColumns,
    PerformedColumns,
    WorkoutColumns,
    exercise_row,
    fill_unavailable,
    performed_row,
    workout_row,
)
from stream.domain.weeks import iso_utc
from stream.domain.workouts import BadSets, ExerciseRow, GoodSets

PERFORMED = PerformedColumns(1, 2, 3, "[10,8]", "[100,92.5]")


@dataclass(frozen=True)
class Lists:
    reps: str | None
    weights: str | None


def performed(lists: Lists) -> PerformedColumns:
    return msgspec.structs.replace(
        PERFORMED, reps_per_set=lists.reps, weights_per_set=lists.weights
    )


@pytest.mark.parametrize(("stored", "group"), [("legs", "legs"), ("", "core"), (None, "core")])
def test_an_empty_group_is_core(stored: str | None, group: str) -> None:
    assert exercise_row(ExerciseColumns(1, "Squat", stored, 7)) == ExerciseRow("Squat", group, 7)


def test_a_group_beside_the_six_is_kept() -> None:
    assert exercise_row(ExerciseColumns(1, None, "grip", None)).muscle_group == "grip"


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("2026-11-16T07:10:22Z", "2026-11-16T07:10:22Z"),
        ("2026-11-16T07:10:22.123456Z", "2026-11-16T07:10:22.123456Z"),
        ("2026-11-16T07:10:22+02:00", "2026-11-16T05:10:22Z"),
        ("0002-01-01T00:00:00Z", "0002-01-01T00:00:00Z"),
        ("9998-12-31T23:59:59.999999Z", "9998-12-31T23:59:59.999999Z"),
    ],
)
def test_the_date_of_a_workout(date: str, utc: str) -> None:
    assert iso_utc(workout_row(WorkoutColumns(1, 2, date)).date_us) == utc


@pytest.mark.parametrize(
    "date",
    [
        "2026-11-16T07:10:22",
        "2026-11-16",
        "infinity",
        "-infinity",
        "",
        "+10000-01-01T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "0001-12-31T00:00:00Z",
        "2026-02-30T00:00:00Z",
    ],
)
def test_a_date_without_a_day_is_a_bad_event(date: str) -> None:
    with pytest.raises(BadEventError, match="date"):
        workout_row(WorkoutColumns(1, 2, date))


def test_a_good_row() -> None:
    row = performed_row(PERFORMED)
    assert isinstance(row.lists, GoodSets)
    assert row.lists.sets.volume == 1740


def test_a_bad_row_keeps_its_lists_and_says_why() -> None:
    row = performed_row(performed(Lists('["x"]', "[1]")))
    assert row.lists == BadSets("reps_per_set holds x: not a whole number", '["x"]', "[1]")


@pytest.mark.parametrize(
    ("new", "filled"),
    [
        (Lists(UNAVAILABLE, UNAVAILABLE), Lists("[10,8]", "[100,92.5]")),
        (Lists("[5]", UNAVAILABLE), Lists("[5]", "[100,92.5]")),
        (Lists(UNAVAILABLE, None), Lists("[10,8]", None)),
        (Lists("[5]", "[60]"), Lists("[5]", "[60]")),
    ],
)
def test_what_was_left_out_is_what_was_stored(new: Lists, filled: Lists) -> None:
    assert fill_unavailable(performed(new), PERFORMED) == performed(filled)


def test_what_was_left_out_and_is_not_stored_is_a_bad_event() -> None:
    with pytest.raises(BadEventError, match="TOAST"):
        fill_unavailable(performed(Lists("[5]", UNAVAILABLE)), None)


def test_nothing_stored_is_needed_where_nothing_was_left_out() -> None:
    assert fill_unavailable(PERFORMED, None) == PERFORMED
