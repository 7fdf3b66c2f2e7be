"""aggregate: workouts and exercises → weeks and personal records.

A week's state is its workouts' contributions; its figures are their fold. Contributions hold
exercises, never groups, so that a regrouped exercise changes one key and has its weeks folded
anew. Bests are derived from the weeks (see `bests`), so that a week is the only thing that a
fact changes.

A value's version is the highest offset that its content depends on, so that equal versions
mean equal contents, however the log was cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from stream.domain.records import kinds_of
from stream.domain.weekly_stats import UNKNOWN_GROUP, WeeklyStats, fold_week
from stream.domain.workouts import Contribution, ExerciseRow, Lift, Origin, Place
from stream.names import Topics
from stream.steps import bests
from stream.steps.keys import (
    exercise_key,
    index_key,
    index_prefix,
    place_of_index,
    place_of_week,
    week_key,
)
from stream.steps.outputs import (
    RecordKey,
    WeekKey,
    encode_key,
    encode_value,
    record_value,
    week_value,
)
from stream.steps.step import Batch, Message, State
from stream.steps.wire import ExerciseFact, WorkoutFact, decode_fact


class Held(msgspec.Struct, array_like=True, frozen=True):
    """A workout in a week: the offset of its last fact here, and that fact's version.

    `former` are the lifts that it had here once and has no more: what has to be said again
    when its last fact is.
    """

    offset: int
    version: int
    contribution: Contribution | None
    former: tuple[Lift, ...]

    def lifts(self) -> set[Lift]:
        """Name the lifts that it has or had."""
        now = set(self.contribution.lifts()) if self.contribution is not None else set()
        return now.union(self.former)


class WeekState(msgspec.Struct, array_like=True):
    """A user's week: its workouts, and a digest of what was last said of it."""

    version: int
    origin: Origin
    created_us: int
    digest: bytes
    workouts: dict[int, Held]

    def live(self) -> Iterable[tuple[int, Contribution]]:
        """Go through the workouts that count."""
        for workout_id, held in self.workouts.items():
            if held.contribution is not None:
                yield workout_id, held.contribution

    def exercises(self) -> set[int]:
        """Name the exercises that count."""
        return {row.exercise_id for _, workout in self.live() for row in workout.rows}


class ExerciseState(msgspec.Struct, array_like=True, frozen=True):
    """An exercise: the offset of its last fact, the source's offset of that, and its row."""

    offset: int
    source_offset: int
    row: ExerciseRow | None


ABSENT = b""
"""The digest of a week without workouts."""

_encode = msgspec.msgpack.Encoder().encode
_decode_week = msgspec.msgpack.Decoder(WeekState).decode
_decode_exercise = msgspec.msgpack.Decoder(ExerciseState).decode


@dataclass
class _Touched:
    """A week in a batch; `said_again` where its message must go out whatever its digest."""

    place: Place
    state: WeekState
    exercises_before: set[int]
    said_again: bool = False


@dataclass
class _Lifted:
    """A user's exercise in a batch: up to where, and which records must be said again."""

    version: int
    origin: Origin
    said_again: set[str] = field(default_factory=set)


class Aggregate:
    """The step; its state is kept by user's week, and by exercise in every partition."""

    name = "aggregate"

    def __init__(self, topics: Topics) -> None:
        self._names = topics
        self.topics: tuple[str, ...] = (topics.facts,)

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Aggregate a batch; each week and record is said once, as it is at the end."""
        messages: list[Message] = []
        for partition, records in batch.items():
            work = _Work(states[partition])
            for record in records:
                assert record.value is not None  # noqa: S101 - our own step wrote it
                fact = decode_fact(record.value)
                if isinstance(fact, WorkoutFact):
                    work.workout(fact, record.offset)
                else:
                    work.exercise(fact, record.offset)
            messages.extend(self._weeks(partition, work))
            messages.extend(self._records(partition, work))
        return messages

    def derive(self, state: State, key: bytes, old: bytes | None, new: bytes) -> None:
        """Rebuild what is derived from a week: the index by exercise, and the bests."""
        place = place_of_week(key)
        if place is None:
            return
        before = _decode_week(old).exercises() if old is not None else set()
        derive_week(state, place, before, _decode_week(new))

    def _weeks(self, partition: int, work: _Work) -> list[Message]:
        messages = []
        for touched in work.weeks.values():
            place, week = touched.place, touched.state
            for exercise_id in week.exercises() & work.regrouped.keys():
                week.version = max(week.version, work.regrouped[exercise_id])
            stats = fold_week(week.live(), work.group_of)
            digest = _digest(stats)
            if digest != week.digest or touched.said_again:
                if week.digest == ABSENT:
                    week.created_us = week.origin.time_us
                value = (
                    None
                    if stats is None
                    else encode_value(week_value(place, stats, week.created_us, week.origin))
                )
                key = encode_key(WeekKey(place.user_id, str(place.iso_week)))
                messages.append(
                    Message(self._names.weekly_stats, partition, key, value, week.version)
                )
                week.digest = digest
            work.state.put(week_key(place), week.version, _encode(week))
        return messages

    def _records(self, partition: int, work: _Work) -> list[Message]:
        before = {lifter: bests.of_life(work.state, *lifter) for lifter in work.lifters}
        for touched in work.weeks.values():
            derive_week(work.state, touched.place, touched.exercises_before, touched.state)
        messages = []
        for (user_id, exercise_id), lifted in work.lifters.items():
            old = before[user_id, exercise_id]
            now = bests.of_life(work.state, user_id, exercise_id)
            changed = {kind for kind in old.keys() | now.keys() if old.get(kind) != now.get(kind)}
            for kind in sorted(changed | lifted.said_again):
                key = RecordKey(user_id, exercise_id, kind)
                best = now.get(kind)
                value = (
                    None if best is None else encode_value(record_value(key, best, lifted.origin))
                )
                messages.append(
                    Message(self._names.records, partition, encode_key(key), value, lifted.version)
                )
        return messages


class _Work:
    """A batch of one partition in progress."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.weeks: dict[bytes, _Touched] = {}
        self.lifters: dict[tuple[int, int], _Lifted] = {}
        self.regrouped: dict[int, int] = {}
        self._groups: dict[int, str] = {}

    def group_of(self, exercise_id: int) -> str:
        """Return an exercise's group, as it is at the end of the batch."""
        group = self._groups.get(exercise_id)
        if group is None:
            held = self.state.get(exercise_key(exercise_id))
            row = _decode_exercise(held).row if held is not None else None
            group = self._groups[exercise_id] = UNKNOWN_GROUP if row is None else row.muscle_group
        return group

    def workout(self, fact: WorkoutFact, offset: int) -> None:
        """Apply what a workout says to each week that it names."""
        if fact.current is not None:
            self._place(fact.current.place, fact, fact.current, offset)
        for place in fact.places:
            self._place(place, fact, None, offset)

    def exercise(self, fact: ExerciseFact, offset: int) -> None:
        """Apply an exercise's row, and touch the weeks whose groups it changes."""
        key = exercise_key(fact.exercise_id)
        raw = self.state.get(key)
        held = _decode_exercise(raw) if raw is not None else None
        if held is not None and offset < held.offset:
            return
        said_again = held is not None and offset == held.offset
        if held is not None and not said_again and fact.offset <= held.source_offset:
            return
        old = self.group_of(fact.exercise_id)
        if not said_again:
            held = ExerciseState(offset, fact.offset, fact.row)
        self.state.put(key, offset, _encode(held))
        del self._groups[fact.exercise_id]
        if said_again or self.group_of(fact.exercise_id) != old:
            self.regrouped[fact.exercise_id] = offset
            for index, _ in self.state.scan_local(index_prefix(fact.exercise_id)):
                touched = self._touch(place_of_index(index))
                touched.said_again |= said_again
                touched.state.origin = fact.origin

    def _touch(self, place: Place) -> _Touched:
        key = week_key(place)
        touched = self.weeks.get(key)
        if touched is None:
            raw = self.state.get(key)
            week = _decode_week(raw) if raw is not None else _empty()
            touched = self.weeks[key] = _Touched(place, week, week.exercises())
        return touched

    def _place(
        self, place: Place, fact: WorkoutFact, contribution: Contribution | None, offset: int
    ) -> None:
        """Put a workout into a week, or take it out, unless the week knows better."""
        touched = self._touch(place)
        week = touched.state
        held = week.workouts.get(fact.workout_id)
        if held is not None and offset < held.offset:
            return
        if held is not None and offset == held.offset:
            touched.said_again = True
            self._lift(place, held.lifts(), fact.origin, offset, said_again=True)
            return
        if held is not None and fact.version <= held.version:
            return
        before = held.lifts() if held is not None else set()
        now = set(contribution.lifts()) if contribution is not None else set()
        former = tuple(sorted(before - now))
        week.workouts[fact.workout_id] = Held(offset, fact.version, contribution, former)
        week.version = offset
        week.origin = fact.origin
        self._lift(place, before | now, fact.origin, offset, said_again=False)

    def _lift(
        self, place: Place, lifts: set[Lift], origin: Origin, offset: int, *, said_again: bool
    ) -> None:
        """Note the records that a fact may change, and those to be said again."""
        for lift in lifts:
            lifter = (place.user_id, lift.exercise_id)
            lifted = self.lifters.get(lifter)
            if lifted is None:
                lifted = self.lifters[lifter] = _Lifted(offset, origin)
            if offset >= lifted.version:
                lifted.version, lifted.origin = offset, origin
            if said_again:
                lifted.said_again.update(kinds_of(lift))


def derive_week(state: State, place: Place, before: set[int], week: WeekState) -> None:
    """Bring the index by exercise and the bests up to a week's state.

    `before` are the exercises that the week had when these were last derived.
    """
    now = bests.bests_of(week.live())
    exercises = week.exercises()
    for exercise_id in before - exercises:
        state.put_local(index_key(exercise_id, place), None)
    for exercise_id in exercises - before:
        state.put_local(index_key(exercise_id, place), b"")
    for exercise_id in before | exercises:
        bests.update(state, place, exercise_id, now.get(exercise_id, {}))


def _digest(stats: WeeklyStats | None) -> bytes:
    if stats is None:
        return ABSENT
    return blake2b(encode_value(stats), digest_size=8).digest()


def _empty() -> WeekState:
    return WeekState(-1, Origin(0, 0), 0, ABSENT, {})
