"""assemble: rows → one workout.

State is one value a workout: its row, its performed exercises, and every place that it ever
had, each with the source offset of its last event, present or gone. Each fact says again what
it takes back, so that a crash between two writes can't leave half an update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from zoneinfo import ZoneInfo

import msgspec

from stream.domain.exact import EXACT, ZERO, plain, total
from stream.domain.published import BadRowValue, PerformedValue, SetValue, WorkoutKey, WorkoutValue
from stream.domain.weeks import iso_utc, week_and_day
from stream.domain.workouts import (
    BadSets,
    Contribution,
    Counted,
    GoodSets,
    Origin,
    PerformedRow,
    Place,
    WorkoutRow,
)
from stream.names import Topics
from stream.steps.outputs import as_of, encode_key, encode_value
from stream.steps.step import Batch, Message, Record, Restored, State
from stream.steps.wire import (
    Entry,
    WorkoutEntry,
    WorkoutFact,
    decode_entries,
    encode,
)


class GatedWorkout(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The workout's row and the source offset of its last event."""

    offset: int
    row: WorkoutRow | None


class GatedPerformed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A performed exercise's row and the source offset of its last event."""

    offset: int
    row: PerformedRow | None


class WorkoutState(msgspec.Struct, array_like=True):
    """A workout; `version` is the offset in the log of rows of its last change.

    `places` are those where it counted once; the one where it counts now may be among them.
    """

    version: int
    origin: Origin
    workout: GatedWorkout | None
    performed: dict[int, GatedPerformed]
    places: list[Place]

    @property
    def live(self) -> bool:
        """Whether its row is there: without it, its performed exercises say nothing."""
        return self.workout is not None and self.workout.row is not None


class Change(IntEnum):
    """What an entry did to a workout."""

    NOTHING = 0
    GATE = 1
    CONTENT = 2


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(WorkoutState).decode


class Assemble:
    """The step; weeks are those of `zone`."""

    name = "assemble"

    def __init__(self, topics: Topics, zone: ZoneInfo) -> None:
        self._names = topics
        self._zone = zone
        self.topics: tuple[str, ...] = (topics.rows,)

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Assemble the workouts that a batch touches; each is said once, as it is at the end."""
        messages: list[Message] = []
        for partition, records in batch.items():
            workouts, said = self._apply(records, states[partition])
            for key, workout in workouts.items():
                states[partition].put(key, workout.version, _encode(workout))
                if key in said:
                    messages.extend(self._say(partition, key, workout))
        return messages

    def derive(self, state: State, restored: Iterable[Restored]) -> None:
        """Derive nothing: the state is all there is."""

    def _apply(
        self, records: Sequence[Record], state: State
    ) -> tuple[dict[bytes, WorkoutState], set[bytes]]:
        """Return the workouts to be written, and the keys of those to be said."""
        workouts: dict[bytes, WorkoutState] = {}
        said: set[bytes] = set()
        for record in records:
            key, value = record.key, record.value
            assert key is not None  # noqa: S101 - our own step wrote it
            assert value is not None  # noqa: S101 - the same
            workout = workouts.get(key)
            if workout is None:
                held = state.get(key)
                workout = _decode(held) if held is not None else _empty()
            if record.offset < workout.version:
                continue
            if record.offset > workout.version:
                live = workout.live
                change = max(self._enter(workout, entry) for entry in decode_entries(value))
                if change is Change.NOTHING:
                    continue
                workout.version = record.offset
                if change is Change.CONTENT and (live or workout.live):
                    said.add(key)
            else:
                said.add(key)
            workouts[key] = workout
        return workouts, said

    def _enter(self, workout: WorkoutState, entry: Entry) -> Change:
        """Put a row into its workout, unless it is older than what is there."""
        held: GatedWorkout | GatedPerformed | None
        if isinstance(entry, WorkoutEntry):
            held = workout.workout
        else:
            held = workout.performed.get(entry.performed_id)
        if held is not None and not _follows(entry, held):
            return Change.NOTHING
        if isinstance(entry, WorkoutEntry):
            if held is not None and held.row != entry.row:
                self._remember_place(workout)
            workout.workout = GatedWorkout(entry.offset, entry.row)
        else:
            workout.performed[entry.performed_id] = GatedPerformed(entry.offset, entry.row)
        if entry.row == (held.row if held is not None else None):
            return Change.GATE
        workout.origin = entry.origin
        return Change.CONTENT

    def _remember_place(self, workout: WorkoutState) -> None:
        row = workout.workout.row if workout.workout is not None else None
        place = self._place(row) if row is not None else None
        if place is not None and place not in workout.places:
            workout.places.append(place)

    def _place(self, row: WorkoutRow) -> Place:
        week, _ = week_and_day(row.date_us, self._zone)
        return Place(row.user_id, week.year, week.number)

    def _contribution(self, workout: WorkoutState, row: WorkoutRow) -> Contribution:
        """Return what the workout adds to its week."""
        counted = tuple(
            Counted(performed_id, gated.row.exercise_id, gated.row.lists.sets)
            for performed_id, gated in sorted(workout.performed.items())
            if gated.row is not None and isinstance(gated.row.lists, GoodSets)
        )
        present = sum(gated.row is not None for gated in workout.performed.values())
        _, day = week_and_day(row.date_us, self._zone)
        return Contribution(self._place(row), day, row.date_us, counted, present - len(counted))

    def _say(self, partition: int, key: bytes, workout: WorkoutState) -> list[Message]:
        """Say the workout to its users' weeks and to the readers; one never live is silent."""
        workout_id = int(key)
        row = workout.workout.row if workout.workout is not None else None
        now = self._contribution(workout, row) if row is not None else None
        value: bytes | None = None
        if row is not None and now is not None:
            value = encode_value(_value(workout_id, workout, row, now))
        elif not workout.places:
            return []
        output_key = encode_key(WorkoutKey(workout_id))
        return [
            *self._facts(key, workout, now),
            Message(self._names.workouts, partition, output_key, value, workout.version),
        ]

    def _facts(self, key: bytes, workout: WorkoutState, now: Contribution | None) -> list[Message]:
        """Tell each partition of users what the workout adds there now, and adds no more."""
        place_of = self._names.partition
        here = place_of(now.place.user_id) if now is not None else None
        partitions = {place_of(place.user_id) for place in workout.places}
        if here is not None:
            partitions.add(here)
        messages = []
        for partition in sorted(partitions):
            fact = WorkoutFact(
                int(key),
                workout.version,
                workout.origin,
                now if partition == here else None,
                tuple(
                    place
                    for place in workout.places
                    if place_of(place.user_id) == partition and (now is None or place != now.place)
                ),
            )
            messages.append(Message(self._names.facts, partition, key, encode(fact), None))
        return messages


def _follows(entry: Entry, held: GatedWorkout | GatedPerformed) -> bool:
    """Say whether an entry is newer than what is held, or the same event judged otherwise."""
    return entry.offset > held.offset or (entry.offset == held.offset and entry.row != held.row)


def _empty() -> WorkoutState:
    return WorkoutState(-1, Origin(0, 0), None, {}, [])


def _value(
    workout_id: int, workout: WorkoutState, row: WorkoutRow, now: Contribution
) -> WorkoutValue:
    """Return the workout as it is published."""
    exercises = [_performed_value(counted) for counted in now.rows]
    return WorkoutValue(
        workout_id=workout_id,
        user_id=row.user_id,
        date=iso_utc(row.date_us),
        week=str(now.place.iso_week),
        name=row.name,
        total_volume=plain(total(counted.sets.volume for counted in now.rows)),
        exercises=exercises,
        bad_rows=[
            BadRowValue(
                performed_id,
                gated.row.exercise_id,
                gated.row.lists.reason,
                gated.row.lists.reps_per_set,
                gated.row.lists.weights_per_set,
            )
            for performed_id, gated in sorted(workout.performed.items())
            if gated.row is not None and isinstance(gated.row.lists, BadSets)
        ],
        as_of=as_of(workout.origin),
    )


def _performed_value(counted: Counted) -> PerformedValue:
    sets = [
        SetValue(
            number, reps, weight, ZERO if weight is None else plain(EXACT.multiply(weight, reps))
        )
        for number, (reps, weight) in enumerate(counted.sets, start=1)
    ]
    return PerformedValue(
        counted.performed_id, counted.exercise_id, plain(counted.sets.volume), sets
    )
