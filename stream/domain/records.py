"""Personal records of one user's exercise, kept so that the next best is always at hand.

The bests of a week, of a year and of a life are the same thing, and two of them merge into
the bests of both: a record that falls is found again from the weeks of its year and the
other years, whatever the history's length.

The estimated one-rep max is Epley's, weight × (1 + reps / 30) (B. Epley, "Poundage Chart",
Boyd Epley Workout, 1985), for 1…12 repetitions; it is compared unrounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from stream.domain.exact import EXACT, ZERO, plain, rounded
from stream.domain.workouts import Contribution, Lift

E1RM_FORMULA = "epley"
E1RM_MAX_REPS = 12

HEAVIEST_WEIGHT = "heaviest_weight"
ESTIMATED_1RM = "estimated_1rm"
WORKOUT_VOLUME = "workout_volume"
SET_REPS = "set_reps"
FIXED_KINDS = (HEAVIEST_WEIGHT, ESTIMATED_1RM, WORKOUT_VOLUME, SET_REPS)


def rep_kind(reps: int) -> str:
    """Name the record of the heaviest weight lifted for exactly so many repetitions."""
    return f"{HEAVIEST_WEIGHT}:{reps}"


class Best(msgspec.Struct, array_like=True, frozen=True):
    """The holder of a record and its evidence; `score` is what is compared, unrounded.

    `performed_id`, `set_number`, `reps` and `weight` are None where a whole workout holds it.
    """

    score: Decimal
    date_us: int
    workout_id: int
    performed_id: int | None
    set_number: int | None
    reps: int | None
    weight: Decimal | None

    def beats(self, other: Best) -> bool:
        """Say whether this one holds the record: ties go to the earliest, then lowest ids."""
        if self.score != other.score:
            return self.score > other.score
        return self._order() < other._order()

    def _order(self) -> tuple[int, int, int, int]:
        return self.date_us, self.workout_id, self.performed_id or 0, self.set_number or 0

    def value(self, kind: str) -> Decimal:
        """Return the record as people read it."""
        return rounded(self.score, 30, 2) if kind == ESTIMATED_1RM else plain(self.score)


Bests = dict[str, Best]


def merge(*many: Bests) -> Bests:
    """Return the best of each kind."""
    result: Bests = {}
    for bests in many:
        for kind, best in bests.items():
            held = result.get(kind)
            if held is None or (best != held and best.beats(held)):
                result[kind] = best
    return result


def differing(now: Bests, workout_id: int, passed: Bests) -> set[str]:
    """Name the kinds that were not as they are now, while a workout's bests were `passed`.

    It held a record then, or it holds one now that it did not hold then.
    """
    risen = {kind for kind, best in passed.items() if kind not in now or best.beats(now[kind])}
    fallen = {
        kind
        for kind, best in now.items()
        if best.workout_id == workout_id and passed.get(kind) != best
    }
    return risen | fallen


def bests_of(workouts: Iterable[tuple[int, Contribution]]) -> dict[int, Bests]:
    """Return, for each exercise of these (workout id, contribution) pairs, its bests."""
    result: dict[int, Bests] = {}
    for workout_id, workout in workouts:
        volumes: dict[int, Decimal] = {}
        for exercise_id, kind, best in _candidates(workout_id, workout, volumes):
            bests = result.setdefault(exercise_id, {})
            held = bests.get(kind)
            if held is None or best.beats(held):
                bests[kind] = best
        for exercise_id, volume in volumes.items():
            best = Best(volume, workout.date_us, workout_id, None, None, None, None)
            held = result[exercise_id].get(WORKOUT_VOLUME)
            if held is None or best.beats(held):
                result[exercise_id][WORKOUT_VOLUME] = best
    return result


def _candidates(
    workout_id: int, workout: Contribution, volumes: dict[int, Decimal]
) -> Iterator[tuple[int, str, Best]]:
    """Name every set's claims, and sum each exercise's volume into `volumes`."""
    for row in workout.rows:
        exercise_id = row.exercise_id
        for number, (reps, weight) in enumerate(row.sets, start=1):
            if reps < 1:
                continue
            evidence = (workout.date_us, workout_id, row.performed_id, number, reps, weight)
            yield exercise_id, SET_REPS, Best(Decimal(reps), *evidence)
            if exercise_id not in volumes:
                volumes[exercise_id] = ZERO
            if weight is None:
                continue
            volumes[exercise_id] = EXACT.fma(weight, reps, volumes[exercise_id])
            if weight <= 0:
                continue
            by_weight = Best(weight, *evidence)
            yield exercise_id, HEAVIEST_WEIGHT, by_weight
            yield exercise_id, rep_kind(reps), by_weight
            if reps <= E1RM_MAX_REPS:
                score = EXACT.multiply(weight, 30 + reps)
                yield exercise_id, ESTIMATED_1RM, Best(score, *evidence)


def kinds_of(lift: Lift) -> tuple[str, ...]:
    """Name the records that a lift may hold."""
    return FIXED_KINDS if lift.reps == 0 else (rep_kind(lift.reps),)
