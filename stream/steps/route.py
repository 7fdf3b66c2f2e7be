"""route: a row's id → its workout's id.

Rows reach Kafka by their own id. This step sends each to the partition of its workout, and
tells every workout that ever had a performed exercise that it is theirs, or not any more.
Exercises go to every partition of facts, since every user's weeks need them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from stream.cdc.envelope import BadEventError, EnvelopeReader
from stream.cdc.tables import (
    ExerciseColumns,
    PerformedColumns,
    WorkoutColumns,
    exercise_row,
    fill_unavailable,
    performed_row,
    workout_row,
)
from stream.domain.published import ExerciseKey, ExerciseValue
from stream.domain.workouts import BadSets, ExerciseRow, Origin, PerformedRow, WorkoutRow
from stream.names import Topics
from stream.steps.outputs import as_of, encode_key, encode_value
from stream.steps.quarantine import quarantine, set_aside
from stream.steps.step import Batch, Message, Record, State
from stream.steps.wire import Entry, ExerciseFact, PerformedEntry, WorkoutEntry, encode


class PerformedState(msgspec.Struct, array_like=True, frozen=True):
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


class ExerciseState(msgspec.Struct, array_like=True, frozen=True):
    """An exercise and the offset of its last change."""

    offset: int
    origin: Origin
    row: ExerciseRow | None
    reason: str | None
    quarantined: bool


class WorkoutState(msgspec.Struct, array_like=True, frozen=True):
    """A workout that was quarantined once; the good ones need no state here."""

    offset: int
    reason: str | None


_encode = msgspec.msgpack.Encoder().encode
_decode_performed = msgspec.msgpack.Decoder(PerformedState).decode
_decode_exercise = msgspec.msgpack.Decoder(ExerciseState).decode
_decode_workout = msgspec.msgpack.Decoder(WorkoutState).decode


@dataclass
class _Said:
    """What a batch says: the last word on each row, by workout, and messages of other kinds."""

    entries: dict[int, dict[bytes, Entry]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)

    def to_workout(self, workout_id: int, row_key: bytes, entry: Entry) -> None:
        """Say an entry, unless it repeats the last one: a deletion's tombstone has no origin."""
        of_workout = self.entries.setdefault(workout_id, {})
        held = of_workout.get(row_key)
        if held is None or held.row != entry.row:
            of_workout[row_key] = entry


@dataclass(frozen=True)
class _At:
    """An event being handled: where it is, whose row it is, where its state is kept."""

    partition: int
    record: Record
    state: State
    row_id: int
    row_key: bytes


class _Table(NamedTuple):
    """How a table's events are handled."""

    prefix: bytes
    row_id: Callable[[bytes | None], int]
    handle: Callable[[_At, _Said], None]


class Route:
    """The step; its state is kept by row."""

    name = "route"

    def __init__(self, topics: Topics, columns: Mapping[str, Mapping[str, str]]) -> None:
        self._names = topics
        self.topics: tuple[str, ...] = topics.source.all
        self._exercises = EnvelopeReader(ExerciseColumns, columns.get("exercise", {}))
        self._workouts = EnvelopeReader(WorkoutColumns, columns.get("workout", {}))
        self._performed = EnvelopeReader(PerformedColumns, columns.get("performed", {}))
        self._tables = {
            topics.source.exercise: _Table(b"x", self._exercises.key, self._exercise),
            topics.source.workout: _Table(b"w", self._workouts.key, self._workout),
            topics.source.performed: _Table(b"p", self._performed.key, self._performed_exercise),
        }

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Route a batch; all that it says of one workout is one message."""
        said = _Said()
        for partition, records in batch.items():
            state = states[partition]
            for record in records:
                table = self._tables[record.topic]
                try:
                    row_id = table.row_id(record.key)
                except BadEventError as error:
                    said.messages.append(set_aside(self._names, partition, record, str(error)))
                    continue
                row_key = table.prefix + b"%d" % row_id
                table.handle(_At(partition, record, state, row_id, row_key), said)
        rows, place = self._names.rows, self._names.partition
        said.messages.extend(
            Message(rows, place(workout_id), b"%d" % workout_id, encode([*entries.values()]), None)
            for workout_id, entries in said.entries.items()
        )
        return said.messages

    def derive(self, state: State, key: bytes, old: bytes | None, new: bytes) -> None:
        """Derive nothing: the state is all there is."""

    # -- performed exercises

    def _performed_exercise(self, at: _At, said: _Said) -> None:
        held = at.state.get(at.row_key)
        old = _decode_performed(held) if held is not None else None
        offset = at.record.offset
        if old is not None and offset < old.offset:
            return
        new = old if old is not None and offset == old.offset else self._next(at, old)
        if new is None:
            return
        at.state.put(at.row_key, new.offset, _encode(new))
        row = performed_row(new.columns) if new.columns is not None else None
        for workout_id in new.workouts:
            own = new.columns is not None and workout_id == new.columns.workout_id
            entry = PerformedEntry(at.row_id, new.offset, new.origin, row if own else None)
            said.to_workout(workout_id, at.row_key, entry)
        if new.quarantined:
            said.messages.append(
                quarantine(self._names, at.partition, at.record, new.reason, new.origin)
            )

    def _next(self, at: _At, old: PerformedState | None) -> PerformedState | None:
        """Return the state after an event, or None where it changes nothing."""
        columns: PerformedColumns | None = None
        reason: str | None = None
        origin = Origin(0, at.record.timestamp_ms * 1000)
        try:
            change = self._performed.change(at.record.value, at.record.timestamp_ms)
            origin, columns = change.origin, change.row
            if columns is not None:
                columns = fill_unavailable(columns, old.columns if old is not None else None)
                reason = _reason(performed_row(columns))
        except BadEventError as error:
            columns, reason = None, str(error)
        if old is None:
            if columns is None and reason is None:
                return None
            workouts: tuple[int, ...] = ()
        else:
            if columns == old.columns and reason == old.reason:
                return None
            workouts = old.workouts
        if columns is not None and columns.workout_id not in workouts:
            workouts = (*workouts, columns.workout_id)
        quarantined = reason is not None or (old is not None and old.quarantined)
        return PerformedState(at.record.offset, origin, columns, workouts, reason, quarantined)

    def _listed(self, at: _At, reason: str | None, origin: Origin) -> Message:
        return quarantine(self._names, at.partition, at.record, reason, origin)

    # -- workouts

    def _workout(self, at: _At, said: _Said) -> None:
        offset = at.record.offset
        held = at.state.get(at.row_key)
        old = _decode_workout(held) if held is not None else None
        if old is not None and offset < old.offset:
            return
        row: WorkoutRow | None = None
        reason: str | None = None
        origin = Origin(0, at.record.timestamp_ms * 1000)
        try:
            change = self._workouts.change(at.record.value, at.record.timestamp_ms)
            origin = change.origin
            row = workout_row(change.row) if change.row is not None else None
        except BadEventError as error:
            reason = str(error)
        if old is not None or reason is not None:
            at.state.put(at.row_key, offset, _encode(WorkoutState(offset, reason)))
            said.messages.append(self._listed(at, reason, origin))
        said.to_workout(at.row_id, at.row_key, WorkoutEntry(offset, origin, row))

    # -- exercises

    def _exercise(self, at: _At, said: _Said) -> None:
        offset = at.record.offset
        held = at.state.get(at.row_key)
        old = _decode_exercise(held) if held is not None else None
        if old is not None and offset < old.offset:
            return
        known = old.row if old is not None else None
        said_again = old is not None and offset == old.offset
        if old is not None and said_again:
            new = old
        else:
            row, reason, origin = self._read_exercise(at)
            if (row, reason) == (known, old.reason if old is not None else None):
                return
            quarantined = reason is not None or (old is not None and old.quarantined)
            new = ExerciseState(offset, origin, row, reason, quarantined)
        at.state.put(at.row_key, new.offset, _encode(new))
        if new.quarantined:
            said.messages.append(
                quarantine(self._names, at.partition, at.record, new.reason, new.origin)
            )
        if said_again or new.row != known:
            said.messages.extend(self._exercise_messages(at.row_id, new))

    def _read_exercise(self, at: _At) -> tuple[ExerciseRow | None, str | None, Origin]:
        try:
            change = self._exercises.change(at.record.value, at.record.timestamp_ms)
        except BadEventError as error:
            return None, str(error), Origin(0, at.record.timestamp_ms * 1000)
        row = exercise_row(change.row) if change.row is not None else None
        return row, None, change.origin

    def _exercise_messages(self, exercise_id: int, new: ExerciseState) -> list[Message]:
        names = self._names
        fact = encode(ExerciseFact(exercise_id, new.offset, new.origin, new.row))
        everywhere = [
            Message(names.facts, partition, b"x%d" % exercise_id, fact, None)
            for partition in range(names.partitions)
        ]
        row = new.row
        value = (
            None
            if row is None
            else encode_value(
                ExerciseValue(
                    exercise_id, row.name, row.muscle_group, row.owner_id, as_of(new.origin)
                )
            )
        )
        key = encode_key(ExerciseKey(exercise_id))
        place = names.partition(exercise_id)
        return [*everywhere, Message(names.exercises, place, key, value, new.offset)]


def _reason(row: PerformedRow) -> str | None:
    return row.lists.reason if isinstance(row.lists, BadSets) else None
