"""Rows of the API's statements, as msgspec reads them from JSON: numbers exact, times aware."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec

from stream.domain.exact import ZERO
from stream.domain.weeks import Week


class OfWeek(msgspec.Struct, frozen=True):
    """A row of one ISO week."""

    year: int
    week: int

    @property
    def iso_week(self) -> Week:
        """The week."""
        return Week(self.year, self.week)


class TrainedWeek(OfWeek, frozen=True):
    """A week with at least one workout."""


class VolumeOfWeek(OfWeek, frozen=True):
    """A week's volume and workouts; without more, an empty week's."""

    total_volume: Decimal = ZERO
    workout_count: int = 0


class DaysOfWeek(VolumeOfWeek, frozen=True):
    """A week's volume, workouts, and volume by day; without more, an empty week's."""

    volume_by_day: dict[date, Decimal] = {}


class GroupsOfWeek(OfWeek, frozen=True):
    """A week's figures by muscle group; without more, an empty week's."""

    total_volume: Decimal = ZERO
    volume_by_muscle_group: dict[str, Decimal] = {}
    sets_by_muscle_group: dict[str, int] = {}
    sessions_by_muscle_group: dict[str, int] = {}


class StatsOfWeek(OfWeek, frozen=True):
    """A row of `weekly_stats`."""

    user_id: int
    total_volume: Decimal
    workout_count: int
    set_count: int
    rep_count: int
    volume_by_muscle_group: dict[str, Decimal]
    sets_by_muscle_group: dict[str, int]
    sessions_by_muscle_group: dict[str, int]
    last_trained_by_muscle_group: dict[str, datetime]
    volume_by_day: dict[str, Decimal]
    quarantined: int
    created_at: datetime
    updated_at: datetime


class ChangedWeek(StatsOfWeek, frozen=True):
    """A week as it is since the change of that version; its figures are 0 where it is gone."""

    version: int
    deleted: bool


class VolumeOfGroup(msgspec.Struct, frozen=True):
    """A muscle group's volume over a range of weeks."""

    muscle_group: str
    volume: Decimal


class LastTrained(msgspec.Struct, frozen=True):
    """When a muscle group was last trained."""

    muscle_group: str
    last_trained: datetime


class Workout(msgspec.Struct, frozen=True):
    """A workout and its volume; `exercise_count` has those that are left out too."""

    id: int
    date: datetime
    name: str | None
    total_volume: Decimal
    exercise_count: int


class Evidence(msgspec.Struct, frozen=True):
    """What holds a record: a workout, and the set in it (null where all of it does)."""

    workout_id: int
    date: datetime
    performed_exercise_id: int | None
    set: int | None


class Record(msgspec.Struct, frozen=True):
    """A personal record. `kind` is heaviest_weight (`:N` for exactly N repetitions),
    estimated_1rm, workout_volume or set_reps; `value` is in the unit of the kind.
    """  # noqa: D205 - the list of kinds does not fit one line

    exercise_id: int
    exercise: str | None
    kind: str
    reps: int | None
    weight: Decimal | None
    value: Decimal
    evidence: Evidence


class Exercise(msgspec.Struct, frozen=True):
    """An exercise that the user has done; `sessions` counts the workouts that have it."""

    exercise_id: int
    name: str | None
    muscle_group: str | None
    is_custom: bool
    sessions: int
    last_performed: datetime


class SetDone(msgspec.Struct, frozen=True):
    """One set: its number from 1, repetitions, weight (null where none was given), volume."""

    set: int
    reps: int
    weight: Decimal | None
    volume: Decimal


class Performed(msgspec.Struct, frozen=True):
    """A performed exercise with its sets; name and group are null until they have arrived."""

    workout_id: int
    date: datetime
    performed_exercise_id: int
    exercise_id: int
    exercise: str | None
    muscle_group: str | None
    volume: Decimal
    sets: list[SetDone]


class PerformedInFull(msgspec.Struct, frozen=True):
    """A performed exercise that counts, as its workout has it."""

    performed_exercise_id: int
    exercise_id: int
    volume: Decimal
    sets: list[SetDone]


class BadRow(msgspec.Struct, frozen=True):
    """A performed exercise that is left out, with its lists as they stand."""

    performed_exercise_id: int
    exercise_id: int
    reason: str
    reps_per_set: str | None
    weights_per_set: str | None


class WorkoutInFull(msgspec.Struct, frozen=True):
    """A workout with everything in it."""

    workout_id: int
    date: datetime
    name: str | None
    total_volume: Decimal
    exercises: list[PerformedInFull]
    bad_rows: list[BadRow]


class NamedExercise(msgspec.Struct, frozen=True):
    """What an exercise is called and trains."""

    exercise_id: int
    name: str | None
    muscle_group: str | None


class WeekInFull(msgspec.Struct, frozen=True):
    """A week's figures (null where it has none), its workouts and their exercises."""

    week: StatsOfWeek | None
    workouts: list[WorkoutInFull]
    exercises: list[NamedExercise]
