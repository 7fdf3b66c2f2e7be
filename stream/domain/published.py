"""Keys and values of the public topics: what people and programs read, as JSON.

Numbers are JSON numbers written out in full; times are ISO 8601 in UTC. What is said of a field
here is in its published JSON Schema.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

WeekName = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-W[0-9]{2}$", description="ISO 8601 week: `2026-W47`")
]
Time = Annotated[
    str, Meta(description="ISO 8601, in UTC", extra_json_schema={"format": "date-time"})
]
LogPosition = Annotated[
    str, Meta(pattern=r"^[0-9A-F]+/[0-9A-F]+$", description="Position in the primary's log")
]
Kind = Annotated[
    str,
    Meta(
        description="`heaviest_weight`, `heaviest_weight:N` for N repetitions, `estimated_1rm`,"
        " `workout_volume` or `set_reps`; more may come: leave out those that you don't know"
    ),
]
Count = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1)]


class AsOf(msgspec.Struct, frozen=True):
    """Source time and LSN of the last event that contributed; no claim of completeness.

    `lsn` is null where the event carried none (a deletion seen by its tombstone alone).
    """

    time: Time
    lsn: LogPosition | None


class WorkoutKey(msgspec.Struct, frozen=True):
    """Key of a workout."""

    workout_id: int


class WeekKey(msgspec.Struct, frozen=True):
    """Key of a user's week; `week` as `2026-W47`."""

    user_id: int
    week: WeekName


class ExerciseKey(msgspec.Struct, frozen=True):
    """Key of an exercise."""

    exercise_id: int


class RecordKey(msgspec.Struct, frozen=True):
    """Key of a personal record."""

    user_id: int
    exercise_id: int
    kind: Kind


class SetValue(msgspec.Struct, frozen=True):
    """One set: its number from 1, repetitions, weight (null where none was given), volume."""

    set: Number
    reps: Count
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
    date: Time
    week: WeekName
    name: str | None
    total_volume: Decimal
    exercises: list[PerformedValue]
    bad_rows: list[BadRowValue]
    as_of: AsOf


class WeekValue(msgspec.Struct, frozen=True):
    """A user's WeeklyStats."""

    user_id: int
    year: int
    week: WeekName
    total_volume: Decimal
    workout_count: Count
    set_count: Count
    rep_count: Count
    volume_by_muscle_group: dict[str, Decimal]
    sets_by_muscle_group: dict[str, Count]
    sessions_by_muscle_group: dict[str, Count]
    last_trained_by_muscle_group: dict[str, Time]
    volume_by_day: dict[str, Decimal]
    quarantined: Count
    created_at: Time
    updated_at: Time
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
    kind: Kind
    value: Decimal
    reps: Count | None
    weight: Decimal | None
    workout_id: int
    date: Time
    performed_exercise_id: int | None
    set: Number | None
    as_of: AsOf


class QuarantineKey(msgspec.Struct, frozen=True):
    """Key of a quarantined row: its source topic and the event's key, as text."""

    topic: str
    key: str


class QuarantineValue(msgspec.Struct, frozen=True):
    """A bad event: where from, why, and the raw event as text."""

    topic: str
    partition: Count
    offset: Count
    key: str
    reason: str
    event: str | None
    as_of: AsOf
