"""Personal records of one user's exercise, kept so that the next best is always at hand.

The bests of a week, of a year and of a life are the same thing, and two of them merge into
the bests of both: a record that falls is found again from the weeks of its year and the
other years, whatever the history's length.

The estimated one-rep max is Epley's, weight × (1 + reps / 30) (B. Epley, "Poundage Chart",
Boyd Epley Workout, 1985), for 1…12 repetitions; it is compared unrounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

import msgspec

from stream.domain.exact import EXACT, ZERO, plain, rounded, whole
from stream.domain.workouts import Contribution, Lift

E1RM_FORMULA = "epley"
E1RM_MAX_REPS = 12

HEAVIEST_WEIGHT = "heaviest_weight"
ESTIMATED_1RM = "estimated_1rm"
WORKOUT_VOLUME = "workout_volume"
SET_REPS = "set_reps"
FIXED_KINDS = (HEAVIEST_WEIGHT, ESTIMATED_1RM, WORKOUT_VOLUME, SET_REPS)


@lru_cache(maxsize=1024)
def rep_kind(reps: int) -> str:
    """Name the record of the heaviest weight lifted for exactly so many repetitions."""
    return f"{HEAVIEST_WEIGHT}:{reps}"


class Best(msgspec.Struct, array_like=True, frozen=True, gc=False):
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


def fallen(held: Bests, before: Bests, now: Bests) -> set[str]:
    """Name the kinds that a part held, of all that `held` is of, and does not hold any more."""
    return {
        kind
        for kind, best in before.items()
        if held.get(kind) == best and not ((other := now.get(kind)) == best or _beats(other, best))
    }


def _beats(best: Best | None, other: Best) -> bool:
    return best is not None and best.beats(other)


def raised(held: Bests, now: Bests) -> Bests:
    """Return the better of each kind; what is held itself where nothing is better."""
    better: Bests = {}
    for kind, best in now.items():
        other = held.get(kind)
        if other is None or (best != other and best.beats(other)):
            better[kind] = best
    return {**held, **better} if better else held


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
        for row in workout.rows:
            exercise_id = row.exercise_id
            bests = result.get(exercise_id, {})
            for number, (reps, weight) in enumerate(row.sets, start=1):
                if reps < 1:
                    continue
                evidence = (workout.date_us, workout_id, row.performed_id, number, reps, weight)
                _claim(bests, SET_REPS, whole(reps), evidence)
                held = volumes.get(exercise_id, ZERO)
                volumes[exercise_id] = held if weight is None else EXACT.fma(weight, reps, held)
                if weight is None or weight <= 0:
                    continue
                _claim(bests, HEAVIEST_WEIGHT, weight, evidence)
                _claim(bests, rep_kind(reps), weight, evidence)
                if reps <= E1RM_MAX_REPS:
                    _claim(bests, ESTIMATED_1RM, EXACT.multiply(weight, 30 + reps), evidence)
            if bests:
                result[exercise_id] = bests
        for exercise_id, volume in volumes.items():
            of_workout = (workout.date_us, workout_id, None, None, None, None)
            _claim(result[exercise_id], WORKOUT_VOLUME, volume, of_workout)
    return result


_Evidence = tuple[int, int, int | None, int | None, int | None, Decimal | None]


def _claim(bests: Bests, kind: str, score: Decimal, evidence: _Evidence) -> None:
    """Let a set, or a workout, hold a record if it beats who holds it: most do not.

    A workout's sets come in their order, so one of the same workout wins no tie.
    """
    held = bests.get(kind)
    if held is None or score > held.score:
        bests[kind] = Best(score, *evidence)
    elif score == held.score and evidence[1] != held.workout_id:
        best = Best(score, *evidence)
        if best.beats(held):
            bests[kind] = best


def kinds_of(lift: Lift) -> tuple[str, ...]:
    """Name the records that a lift may hold."""
    return FIXED_KINDS if lift.reps == 0 else (rep_kind(lift.reps),)
