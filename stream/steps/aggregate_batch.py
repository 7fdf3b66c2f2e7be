"""A batch of one partition as the aggregate applies it: what it touches, and what must be said.

What was different within a batch and is the same again at its end is said again: whoever was
killed, or replaced, may have said what lay between, with a version that beats the one before
the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from stream.domain.records import Bests, differing, kinds_of
from stream.domain.weekly_stats import UNKNOWN_GROUP
from stream.domain.workouts import Contribution, ExerciseRow, Lift, Origin, Place
from stream.steps import bests
from stream.steps.keys import exercise_key, index_prefix, place_of_index, week_key
from stream.steps.step import State
from stream.steps.week_state import Held, WeekState, decode_week, digest_of, empty_week
from stream.steps.wire import ExerciseFact, WorkoutFact


class ExerciseState(msgspec.Struct, array_like=True, frozen=True):
    """An exercise: the offset of its last fact, the source's offset of that, and its row."""

    offset: int
    source_offset: int
    row: ExerciseRow | None

    def precedes(self, fact: ExerciseFact) -> bool:
        """Say whether a fact is newer, or the same event judged otherwise."""
        same_event = fact.offset == self.source_offset
        return fact.offset > self.source_offset or (same_event and fact.row != self.row)


_encode = msgspec.msgpack.Encoder().encode
_decode_exercise = msgspec.msgpack.Decoder(ExerciseState).decode


@dataclass
class Touched:
    """A week in a batch: whether it changed, and whether it goes out whatever its digest.

    `workouts` are those that changed.
    """

    place: Place
    state: WeekState
    exercises_before: set[int]
    workouts: set[int] = field(default_factory=set)
    changed: bool = False
    said_again: bool = False


@dataclass
class Lifted:
    """A user's exercise in a batch: up to where, and which records must be said again.

    `passed` are the bests of contributions that came and went within the batch, and whose.
    """

    version: int
    origin: Origin
    said_again: set[str] = field(default_factory=set)
    passed: list[tuple[int, Bests]] = field(default_factory=list)

    def to_say(self, old: Bests, now: Bests) -> list[str]:
        """Name the records that differ, differed for a while, or are said again."""
        kinds = {kind for kind in old.keys() | now.keys() if old.get(kind) != now.get(kind)}
        for workout_id, passed in self.passed:
            kinds |= differing(now, workout_id, passed)
        return sorted(kinds | self.said_again)


class Work:
    """A batch of one partition in progress."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.weeks: dict[bytes, Touched] = {}
        self.lifters: dict[tuple[int, int], Lifted] = {}
        self._trained: dict[int, set[Place]] = {}
        self._groups: dict[int, str] = {}

    def group_of(self, exercise_id: int) -> str:
        """Return an exercise's group, as it is at this point of the batch."""
        group = self._groups.get(exercise_id)
        if group is None:
            held = self.state.get(exercise_key(exercise_id))
            row = _decode_exercise(held).row if held is not None else None
            group = self._groups[exercise_id] = _group(row)
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
        said_again = held is not None and offset == held.offset
        if held is None or not said_again:
            if held is not None and not held.precedes(fact):
                return
            held = ExerciseState(offset, fact.offset, fact.row)
        if said_again or _group(held.row) != self.group_of(fact.exercise_id):
            for touched in self._weeks_of(fact.exercise_id):
                self._regroup(touched, fact, offset, said_again=said_again)
        self.state.put(key, offset, _encode(held))
        self._groups.pop(fact.exercise_id, None)

    def _weeks_of(self, exercise_id: int) -> list[Touched]:
        """Return the weeks in which an exercise counts at this point of the batch."""
        places = {
            place_of_index(key) for key, _ in self.state.scan_local(index_prefix(exercise_id))
        }
        weeks = [self._touch(place) for place in places | self._trained.get(exercise_id, set())]
        return [touched for touched in weeks if exercise_id in touched.state.exercises()]

    def _regroup(
        self, touched: Touched, fact: ExerciseFact, offset: int, *, said_again: bool
    ) -> None:
        """Note that an exercise's group changes a week, unless the week knows better."""
        week = touched.state
        if offset < week.version:
            return
        touched.said_again |= said_again
        self._change(touched)
        week.version, week.origin = offset, fact.origin

    def _touch(self, place: Place) -> Touched:
        key = week_key(place)
        touched = self.weeks.get(key)
        if touched is None:
            raw = self.state.get(key)
            week = decode_week(raw) if raw is not None else empty_week()
            touched = self.weeks[key] = Touched(place, week, week.exercises())
        return touched

    def _change(self, touched: Touched) -> None:
        """Before a week changes once more: if what it is now differs from what was said, say it.

        At the batch's end it may be as it was, and no digest would tell.
        """
        if touched.changed and not touched.said_again:
            now = digest_of(touched.state.stats(self.group_of))
            touched.said_again = now != touched.state.digest
        touched.changed = True

    def _place(
        self, place: Place, fact: WorkoutFact, contribution: Contribution | None, offset: int
    ) -> None:
        """Put a workout into a week, or take it out, unless the week knows better.

        A week above this offset holds what it says already, and will be said at its version.
        """
        touched = self._touch(place)
        week = touched.state
        held = week.workouts.get(fact.workout_id)
        if held is not None and offset == held.offset:
            touched.said_again |= offset == week.version
            self._lift(place, held.lifts(), fact.origin, offset, said_again=True)
            return
        if offset < week.version or (held is not None and fact.version <= held.version):
            return
        self._change(touched)
        before = held.lifts() if held is not None else set()
        now = set(contribution.lifts()) if contribution is not None else set()
        former = tuple(sorted(before - now))
        self._lift(place, before | now, fact.origin, offset, said_again=False)
        if fact.workout_id in touched.workouts and held is not None:
            self._pass(place, fact.workout_id, held.contribution, before | now)
        touched.workouts.add(fact.workout_id)
        week.workouts[fact.workout_id] = Held(offset, fact.version, contribution, former)
        week.version, week.origin = offset, fact.origin
        for row in contribution.rows if contribution is not None else ():
            self._trained.setdefault(row.exercise_id, set()).add(place)

    def _lift(
        self, place: Place, lifts: set[Lift], origin: Origin, offset: int, *, said_again: bool
    ) -> None:
        """Note the records that a fact may change, and those to be said again."""
        for lift in lifts:
            lifter = (place.user_id, lift.exercise_id)
            lifted = self.lifters.get(lifter)
            if lifted is None:
                lifted = self.lifters[lifter] = Lifted(offset, origin)
            if offset >= lifted.version:
                lifted.version, lifted.origin = offset, origin
            if said_again:
                lifted.said_again.update(kinds_of(lift))

    def _pass(
        self, place: Place, workout_id: int, passed: Contribution | None, lifts: set[Lift]
    ) -> None:
        """Note the bests of a contribution that comes and goes within the batch."""
        held = bests.bests_of([(workout_id, passed)] if passed is not None else [])
        for exercise_id in {lift.exercise_id for lift in lifts}:
            lifted = self.lifters[place.user_id, exercise_id]
            lifted.passed.append((workout_id, held.get(exercise_id, {})))


def _group(row: ExerciseRow | None) -> str:
    return UNKNOWN_GROUP if row is None else row.muscle_group
