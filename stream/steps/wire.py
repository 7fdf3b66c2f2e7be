"""The messages between steps: MessagePack arrays, for no one else to read."""

from __future__ import annotations

import msgspec

from stream.domain.workouts import (
    Contribution,
    ExerciseRow,
    Origin,
    PerformedRow,
    Place,
    WorkoutRow,
)


class WorkoutEntry(msgspec.Struct, array_like=True, frozen=True, tag="w", gc=False):
    """A workout's row at an offset of its source topic; None where it is gone."""

    offset: int
    origin: Origin
    row: WorkoutRow | None


class PerformedEntry(msgspec.Struct, array_like=True, frozen=True, tag="p", gc=False):
    """A performed exercise's row as far as one workout sees it; None where it is not its own."""

    performed_id: int
    offset: int
    origin: Origin
    row: PerformedRow | None


Entry = WorkoutEntry | PerformedEntry


class WorkoutFact(msgspec.Struct, array_like=True, frozen=True, tag="f", gc=False):
    """What one workout says to one partition of users.

    Attributes:
        version: the offset in the log of rows that it was assembled at.
        current: what it adds now; None where it adds nothing to a user of this partition.
        places: weeks where it counted once and does not now.
    """

    workout_id: int
    version: int
    origin: Origin
    current: Contribution | None
    places: tuple[Place, ...]


class ExerciseFact(msgspec.Struct, array_like=True, frozen=True, tag="x", gc=False):
    """An exercise's row at an offset of its source topic, for every partition; None: gone."""

    exercise_id: int
    offset: int
    origin: Origin
    row: ExerciseRow | None


Fact = WorkoutFact | ExerciseFact


class Retry(msgspec.Struct, array_like=True, frozen=True, tag="r"):
    """A request to judge a row of a source topic anew; the record's key is the row's."""

    topic: str


encode = msgspec.msgpack.Encoder().encode
decode_entries = msgspec.msgpack.Decoder(list[Entry]).decode
decode_fact = msgspec.msgpack.Decoder(Fact).decode
decode_retry = msgspec.msgpack.Decoder(Retry).decode
