"""What route holds of a row: the offset of its last change, and what it was then.

Of a bad row its event is held too, as it was read. So a row that is on the list can be judged
anew, whatever the list, which is behind, may say of it.
"""

from __future__ import annotations

import msgspec

from stream.cdc.tables import PerformedColumns
from stream.domain.workouts import ExerciseRow, Origin
from stream.steps.step import Record


class HeldEvent(msgspec.Struct, array_like=True, frozen=True):
    """A bad row's last event: its raw value, and the time that Kafka has of it."""

    value: bytes
    timestamp_ms: int

    def at(self, topic: str, offset: int, key: bytes | None) -> Record:
        """Return the record that it was read from."""
        return Record(topic, offset, key, self.value, self.timestamp_ms)


def held_event(record: Record, reason: str | None) -> HeldEvent | None:
    """Return what is held of an event: nothing, but where it makes its row a bad one."""
    if reason is None or record.value is None:
        return None
    return HeldEvent(record.value, record.timestamp_ms)


def same_event(one: HeldEvent | None, other: HeldEvent | None) -> bool:
    """Say whether two are the same but for when Kafka got them."""
    return (one and one.value) == (other and other.value)


class PerformedState(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A performed exercise: the offset of its last change, its columns, every workout it had.

    `reason` is why it is bad now; `quarantined`, whether it ever was, and so has to be taken
    off the list when it heals.
    """

    offset: int
    origin: Origin
    columns: PerformedColumns | None
    workouts: tuple[int, ...]
    reason: str | None
    quarantined: bool
    event: HeldEvent | None = None


class ExerciseState(msgspec.Struct, array_like=True, frozen=True):
    """An exercise and the offset of its last change."""

    offset: int
    origin: Origin
    row: ExerciseRow | None
    reason: str | None
    quarantined: bool
    event: HeldEvent | None = None


class WorkoutState(msgspec.Struct, array_like=True, frozen=True):
    """A workout that was quarantined once; the good ones need no state here."""

    offset: int
    reason: str | None
    event: HeldEvent | None = None


encode_state = msgspec.msgpack.Encoder().encode
decode_performed = msgspec.msgpack.Decoder(PerformedState).decode
decode_exercise = msgspec.msgpack.Decoder(ExerciseState).decode
decode_workout = msgspec.msgpack.Decoder(WorkoutState).decode
