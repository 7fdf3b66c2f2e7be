"""The captured tables: their columns, and how a row of each becomes one of ours."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stream.cdc.envelope import UNAVAILABLE, BadEventError, BigInt
from stream.domain.sets import BadRowError, parse_sets
from stream.domain.weekly_stats import DEFAULT_GROUP
from stream.domain.weeks import to_epoch_us
from stream.domain.workouts import BadSets, ExerciseRow, GoodSets, PerformedRow, WorkoutRow

FIRST_YEAR, LAST_YEAR = 2, 9998
"""Years that have whole ISO weeks in every time zone."""


class ExerciseColumns(msgspec.Struct, frozen=True, gc=False):
    """The columns used of the exercises' table."""

    id: BigInt
    name: str | None = None
    muscle_group: str | None = None
    owner_id: BigInt | None = None


class WorkoutColumns(msgspec.Struct, frozen=True, gc=False):
    """The columns used of the workouts' table."""

    id: BigInt
    user_id: BigInt
    date: str
    name: str | None = None


class PerformedColumns(msgspec.Struct, frozen=True, gc=False):
    """The columns used of the performed exercises' table; jsonb arrives as text."""

    id: BigInt
    workout_id: BigInt
    exercise_id: BigInt
    reps_per_set: str | None
    weights_per_set: str | None


def exercise_row(columns: ExerciseColumns) -> ExerciseRow:
    """Return the exercise; an empty group is the app's own default."""
    return ExerciseRow(columns.name, columns.muscle_group or DEFAULT_GROUP, columns.owner_id)


def workout_row(columns: WorkoutColumns) -> WorkoutRow:
    """Return the workout. Raises BadEventError where its date is none that can be counted."""
    try:
        moment = datetime.fromisoformat(columns.date)
    except ValueError as error:
        raise BadEventError(
            f"date {columns.date!r} is not a moment that has a calendar day"
        ) from error
    if moment.tzinfo is None:
        raise BadEventError(f"date {columns.date!r} has no time zone")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadEventError(f"date {columns.date!r} is not within {FIRST_YEAR}…{LAST_YEAR}")
    return WorkoutRow(columns.user_id, to_epoch_us(moment), columns.name)


def performed_row(columns: PerformedColumns) -> PerformedRow:
    """Return the performed exercise, its sets read or the reason why they can't be."""
    reps, weights = columns.reps_per_set, columns.weights_per_set
    try:
        return PerformedRow(columns.exercise_id, GoodSets(parse_sets(reps, weights)))
    except BadRowError as error:
        return PerformedRow(columns.exercise_id, BadSets(str(error), reps, weights))


def fill_unavailable(new: PerformedColumns, old: PerformedColumns | None) -> PerformedColumns:
    """Put the stored text where Debezium left out a TOASTed one. Raises BadEventError."""
    if UNAVAILABLE not in (new.reps_per_set, new.weights_per_set):
        return new
    if old is None:
        raise BadEventError("a TOASTed value was left out and no earlier row is known")
    return msgspec.structs.replace(
        new,
        reps_per_set=old.reps_per_set if new.reps_per_set == UNAVAILABLE else new.reps_per_set,
        weights_per_set=(
            old.weights_per_set if new.weights_per_set == UNAVAILABLE else new.weights_per_set
        ),
    )
