"""What of a log the primary lacks: whole workouts, and the rest of half-written ones.

A workout is recognised by user, time, title and content. Each of the log's stands for one in
the primary, so that two equal workouts in one log are two, and a log loaded again adds none.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from infra.logs import BadLineError, LoggedExercise, LoggedWorkout, number, weights_or_none

Key = tuple[int, datetime, str]
Numbers = tuple[Decimal | None, ...]
Row = tuple[int, Numbers | str, Numbers | str | None]


@dataclass(frozen=True, slots=True)
class PlannedExercise:
    """A performed exercise with the id of its exercise in the primary."""

    exercise_id: int
    performed: LoggedExercise

    @property
    def row(self) -> Row:
        """What makes it equal to a row in the primary: 10 and 10.0 are the same."""
        return self.exercise_id, self.performed.reps, self.performed.weights


@dataclass(frozen=True, slots=True)
class PlannedWorkout:
    """A workout of the log with the ids of its user and its exercises in the primary."""

    workout: LoggedWorkout
    user_id: int
    exercises: tuple[PlannedExercise, ...]

    @property
    def key(self) -> Key:
        """What it shares with the primary's workouts that may be the same."""
        return self.user_id, self.workout.time, self.workout.title

    @property
    def rows(self) -> Counter[Row]:
        """Its performed exercises, counted."""
        return Counter(each.row for each in self.exercises)


@dataclass(frozen=True, slots=True)
class HeldWorkout:
    """A workout that is in the primary."""

    workout_id: int
    rows: Counter[Row]


@dataclass(frozen=True, slots=True)
class Write:
    """What to write: a workout, or the rest of one that is there in part (`workout_id`)."""

    workout: PlannedWorkout
    workout_id: int | None
    exercises: tuple[PlannedExercise, ...]


def held_row(exercise_id: int, reps: str, weights: str | None) -> Row:
    """Read a row of the primary as the log would have it."""
    held = None if weights is None else _numbers(weights)
    return exercise_id, _numbers(reps), weights_or_none(held) if isinstance(held, tuple) else held


def missing(
    wanted: Iterable[PlannedWorkout], held: Mapping[Key, Sequence[HeldWorkout]]
) -> list[Write]:
    """Return what must be written for the log's workouts to be in the primary, in their order."""
    by_key: defaultdict[Key, list[PlannedWorkout]] = defaultdict(list)
    for workout in wanted:
        by_key[workout.key].append(workout)
    return [
        write
        for key, workouts in by_key.items()
        for write in _missing(workouts, list(held.get(key, ())))
    ]


def _missing(wanted: list[PlannedWorkout], held: list[HeldWorkout]) -> list[Write]:
    """Pair equal ones off first: a half-written workout may look like the start of another."""
    unmatched = []
    for workout in wanted:
        same = next((each for each in held if each.rows == workout.rows), None)
        if same is None:
            unmatched.append(workout)
        else:
            held.remove(same)
    return [_write(workout, held) for workout in unmatched]


def _write(workout: PlannedWorkout, held: list[HeldWorkout]) -> Write:
    parts = [each for each in held if each.rows <= workout.rows]
    if not parts:
        return Write(workout, None, workout.exercises)
    part = max(parts, key=lambda each: each.rows.total())
    held.remove(part)
    written = part.rows.copy()
    rest = []
    for each in workout.exercises:
        if written[each.row]:
            written[each.row] -= 1
        else:
            rest.append(each)
    return Write(workout, part.workout_id, tuple(rest))


def _numbers(text: str) -> Numbers | str:
    """Read a list of numbers; anything else stays text, which no log's row equals."""
    try:
        found = json.loads(text, parse_int=number, parse_float=number)
    except BadLineError:
        return text
    numbers = isinstance(found, list) and all(
        each is None or isinstance(each, Decimal) for each in found
    )
    return tuple(found) if numbers else text
