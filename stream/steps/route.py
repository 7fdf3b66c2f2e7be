"""route: a row's id → its workout's id.

Rows reach Kafka by their own id. This step sends each to the partition of its workout, and
tells every workout that ever had a performed exercise that it is theirs, or not any more.
Exercises go to every partition of facts, since every user's weeks need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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
from stream.steps.route_state import (
    ExerciseState,
    PerformedState,
    WorkoutState,
    decode_exercise,
    decode_performed,
    decode_workout,
    encode_state,
    held_event,
    same_event,
)
from stream.steps.step import Batch, Message, Record, Restored, State
from stream.steps.wire import (
    Entry,
    ExerciseFact,
    PerformedEntry,
    WorkoutEntry,
    decode_retry,
    encode,
)


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
    """How a table's events are handled, and its rows' state is read."""

    prefix: bytes
    row_id: Callable[[bytes | None], int]
    handle: Callable[[_At, _Said], None]
    held: Callable[[bytes], PerformedState | ExerciseState | WorkoutState]


class Route:
    """The step; its state is kept by row."""

    name = "route"

    def __init__(self, topics: Topics, columns: Mapping[str, Mapping[str, str]]) -> None:
        self._names = topics
        self.topics: tuple[str, ...] = (*topics.source.all, topics.requests)
        self._exercises = EnvelopeReader(ExerciseColumns, columns.get("exercise", {}))
        self._workouts = EnvelopeReader(WorkoutColumns, columns.get("workout", {}))
        self._performed = EnvelopeReader(PerformedColumns, columns.get("performed", {}))
        self._tables = {
            topics.source.exercise: _Table(
                b"x", self._exercises.key, self._exercise, decode_exercise
            ),
            topics.source.workout: _Table(b"w", self._workouts.key, self._workout, decode_workout),
            topics.source.performed: _Table(
                b"p", self._performed.key, self._performed_exercise, decode_performed
            ),
        }

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Route a batch; all that it says of one workout is one message."""
        said = _Said()
        for partition, records in batch.items():
            state = states[partition]
            for record in records:
                if record.topic == self._names.requests:
                    self._retry(partition, record, state, said)
                    continue
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

    def derive(self, state: State, restored: Iterable[Restored]) -> None:
        """Derive nothing: the state is all there is."""

    def _retry(self, partition: int, request: Record, state: State, said: _Said) -> None:
        """Handle the event of a bad row once more, as its state holds it, at its own offset.

        So nothing goes back in time. A row that is good in state is only taken off the list;
        where there is no state, nothing is known that could be better than the list.
        """
        assert request.value is not None  # noqa: S101 - our own command wrote it
        topic = decode_retry(request.value).topic
        table = self._tables[topic]
        try:
            row_id = table.row_id(request.key)
        except BadEventError:
            return  # it is on the list since its key can't be read, and that has no state
        row_key = table.prefix + b"%d" % row_id
        raw = state.get(row_key)
        if raw is None:
            return
        held = table.held(raw)
        if held.event is not None:
            record = held.event.at(topic, held.offset, request.key)
            table.handle(_At(partition, record, state, row_id, row_key), said)
        elif held.reason is None:
            record = Record(topic, held.offset, request.key, None, 0)
            said.messages.append(quarantine(self._names, partition, record, None, Origin(0, 0)))

    def _listed(self, at: _At, reason: str | None, origin: Origin) -> Message:
        return quarantine(self._names, at.partition, at.record, reason, origin)

    # -- performed exercises

    def _performed_exercise(self, at: _At, said: _Said) -> None:
        held = at.state.get(at.row_key)
        old = decode_performed(held) if held is not None else None
        if old is not None and at.record.offset < old.offset:
            return
        following = self._next(at, old)
        if following is None:
            return
        new, row = following
        at.state.put(at.row_key, new.offset, encode_state(new))
        for workout_id in new.workouts:
            own = new.columns is not None and workout_id == new.columns.workout_id
            entry = PerformedEntry(at.row_id, new.offset, new.origin, row if own else None)
            said.to_workout(workout_id, at.row_key, entry)
        if new.quarantined:
            said.messages.append(self._listed(at, new.reason, new.origin))

    def _next(
        self, at: _At, old: PerformedState | None
    ) -> tuple[PerformedState, PerformedRow | None] | None:
        """Return the state after an event and its row, or None where it changes nothing.

        The state's own event is judged anew, and said again whether that changes it or not.
        """
        columns: PerformedColumns | None = None
        row: PerformedRow | None = None
        reason: str | None = None
        origin = Origin(0, at.record.timestamp_ms * 1000)
        try:
            change = self._performed.change(at.record.value, at.record.timestamp_ms)
            origin, columns = change.origin, change.row
            if columns is not None:
                columns = fill_unavailable(columns, old.columns if old is not None else None)
                row = performed_row(columns)
                reason = row.lists.reason if isinstance(row.lists, BadSets) else None
        except BadEventError as error:
            columns, reason = None, str(error)
        event = held_event(at.record, reason)
        if old is None:
            if columns is None and reason is None:
                return None
            workouts: tuple[int, ...] = ()
        else:
            same = (columns, reason) == (old.columns, old.reason) and same_event(event, old.event)
            if same and at.record.offset > old.offset:
                return None
            workouts = old.workouts
        if columns is not None and columns.workout_id not in workouts:
            workouts = (*workouts, columns.workout_id)
        quarantined = reason is not None or (old is not None and old.quarantined)
        state = PerformedState(
            at.record.offset, origin, columns, workouts, reason, quarantined, event
        )
        return state, row

    # -- workouts

    def _workout(self, at: _At, said: _Said) -> None:
        offset = at.record.offset
        held = at.state.get(at.row_key)
        old = decode_workout(held) if held is not None else None
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
            new = WorkoutState(offset, reason, held_event(at.record, reason))
            at.state.put(at.row_key, offset, encode_state(new))
            said.messages.append(self._listed(at, reason, origin))
        said.to_workout(at.row_id, at.row_key, WorkoutEntry(offset, origin, row))

    # -- exercises

    def _exercise(self, at: _At, said: _Said) -> None:
        offset = at.record.offset
        held = at.state.get(at.row_key)
        old = decode_exercise(held) if held is not None else None
        if old is not None and offset < old.offset:
            return
        row, reason, origin = self._read_exercise(at)
        event = held_event(at.record, reason)
        known = old.row if old is not None else None
        said_again = old is not None and offset == old.offset
        before = (known, old.reason, old.event) if old is not None else (None, None, None)
        if not said_again and before[:2] == (row, reason) and same_event(before[2], event):
            return
        quarantined = reason is not None or (old is not None and old.quarantined)
        new = ExerciseState(offset, origin, row, reason, quarantined, event)
        at.state.put(at.row_key, offset, encode_state(new))
        if new.quarantined:
            said.messages.append(self._listed(at, reason, origin))
        if said_again or row != known:
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
