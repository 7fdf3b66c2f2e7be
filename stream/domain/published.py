"""Keys and values of the public topics: what people and programs read, as JSON.

Numbers are JSON numbers written out in full; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class AsOf(msgspec.Struct, frozen=True):
    """Source time and LSN of the last event that contributed; no claim of completeness.

    `lsn` is null where the event carried none (a deletion seen by its tombstone alone).
    """

    time: str
    lsn: str | None


class WorkoutKey(msgspec.Struct, frozen=True):
    """Key of a workout."""

    workout_id: int


class WeekKey(msgspec.Struct, frozen=True):
    """Key of a user's week; `week` as `2026-W47`."""

    user_id: int
    week: str


class ExerciseKey(msgspec.Struct, frozen=True):
    """Key of an exercise."""

    exercise_id: int


class RecordKey(msgspec.Struct, frozen=True):
    """Key of a personal record."""

    user_id: int
    exercise_id: int
    kind: str


class SetValue(msgspec.Struct, frozen=True):
    """One set: its number from 1, repetitions, weight (null where none was given), volume."""

    set: int
    reps: int
    weight: Decimal | None
    volume: Decimal


class PerformedValue(msgspec.Struct, frozen=True):
    """A performed exercise that counts."""

    performed_exercise_id: int
    exercise_id: int
    volume: Decimal
    sets: list[SetValue]


class BadRowValue(msgspec.Struct, frozen=True):
    """A performed exercise that is left out, with its lists as they stand and the reason."""

    performed_exercise_id: int
    exercise_id: int
    reason: str
    reps_per_set: str | None
    weights_per_set: str | None


class WorkoutValue(msgspec.Struct, frozen=True):
    """A workout with every performed exercise and set."""

    workout_id: int
    user_id: int
    date: str
    week: str
    name: str | None
    total_volume: Decimal
    exercises: list[PerformedValue]
    bad_rows: list[BadRowValue]
    as_of: AsOf


class WeekValue(msgspec.Struct, frozen=True):
    """A user's WeeklyStats."""

    user_id: int
    year: int
    week: str
    total_volume: Decimal
    workout_count: int
    set_count: int
    rep_count: int
    volume_by_muscle_group: dict[str, Decimal]
    sets_by_muscle_group: dict[str, int]
    sessions_by_muscle_group: dict[str, int]
    last_trained_by_muscle_group: dict[str, str]
    volume_by_day: dict[str, Decimal]
    quarantined: int
    created_at: str
    updated_at: str
    as_of: AsOf


class ExerciseValue(msgspec.Struct, frozen=True):
    """An exercise."""

    exercise_id: int
    name: str | None
    muscle_group: str
    owner_id: int | None
    as_of: AsOf


class RecordValue(msgspec.Struct, frozen=True):
    """A personal record with its evidence; `set` and what belongs to one set may be null."""

    user_id: int
    exercise_id: int
    kind: str
    value: Decimal
    reps: int | None
    weight: Decimal | None
    workout_id: int
    date: str
    performed_exercise_id: int | None
    set: int | None
    as_of: AsOf


class QuarantineKey(msgspec.Struct, frozen=True):
    """Key of a quarantined row: its source topic and the event's key, as text."""

    topic: str
    key: str


class QuarantineValue(msgspec.Struct, frozen=True):
    """A bad event: where from, why, and the raw event as text."""

    topic: str
    partition: int
    offset: int
    key: str
    reason: str
    event: str | None
    as_of: AsOf
