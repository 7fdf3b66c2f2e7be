from __future__ import annotations

from decimal import Decimal

import pytest

from stream.domain.records import Best, Bests, bests_of, differing, fallen, raised, rep_kind
from stream.domain.sets import parse_sets
from stream.domain.workouts import Contribution, Counted, Place

PLACE = Place(1, 2026, 47)
SQUAT = 1
HEAVIEST, E1RM, VOLUME, REPS = "heaviest_weight", "estimated_1rm", "workout_volume", "set_reps"


def workout(*lists: tuple[str, str | None], date_us: int = 0) -> Contribution:
    rows = tuple(Counted(n, SQUAT, parse_sets(*each)) for n, each in enumerate(lists, 1))
    return Contribution(PLACE, "2026-11-16", date_us, rows, 0)


def squats(*workouts: Contribution) -> Bests:
    return bests_of(enumerate(workouts, 1)).get(SQUAT, {})


def evidence(best: Best) -> tuple[int, int | None, int | None]:
    return best.workout_id, best.performed_id, best.set_number


def test_each_kind_with_its_evidence() -> None:
    bests = squats(workout(("[10,1]", "[100,130]")), workout(("[20]", "[60]")))
    assert {kind: (best.value(kind), evidence(best)) for kind, best in bests.items()} == {
        HEAVIEST: (130, (1, 1, 2)),
        rep_kind(10): (100, (1, 1, 1)),
        rep_kind(1): (130, (1, 1, 2)),
        rep_kind(20): (60, (2, 1, 1)),
        E1RM: (Decimal("134.33"), (1, 1, 2)),
        VOLUME: (1200, (2, None, None)),
        REPS: (20, (2, 1, 1)),
    }


def test_the_workouts_volume_is_that_of_all_its_rows_of_the_exercise() -> None:
    assert squats(workout(("[5]", "[100]"), ("[5]", "[80]")))[VOLUME].score == 900


def test_a_set_without_repetitions_holds_nothing() -> None:
    assert squats(workout(("[0]", "[100]"))) == {}


@pytest.mark.parametrize("weights", [None, "[0]", "[-20]"])
def test_a_weight_record_needs_a_weight_above_0(weights: str | None) -> None:
    assert squats(workout(("[5]", weights))).keys() == {VOLUME, REPS}


def test_a_one_rep_max_is_estimated_up_to_12_repetitions() -> None:
    assert E1RM in squats(workout(("[12]", "[100]")))
    assert E1RM not in squats(workout(("[13]", "[100]")))


def test_estimates_are_compared_unrounded() -> None:
    bests = squats(workout(("[1,1]", "[100.001,100.002]")))
    assert bests[E1RM].value(E1RM) == Decimal("103.34")
    assert bests[E1RM].set_number == 2


@pytest.mark.parametrize(("weight", "shown"), [("0.15", "0.16"), ("0.45", "0.46"), ("3", "3.1")])
def test_an_estimate_is_shown_half_even(weight: str, shown: str) -> None:
    assert squats(workout(("[1]", f"[{weight}]")))[E1RM].value(E1RM) == Decimal(shown)


def test_a_tie_goes_to_the_earliest_date() -> None:
    later, earlier = workout(("[5]", "[100]"), date_us=2), workout(("[5]", "[100]"), date_us=1)
    assert squats(later, earlier)[HEAVIEST].workout_id == 2


def test_a_tie_of_a_date_goes_to_the_lowest_workout_row_and_set() -> None:
    same = workout(("[5,5]", "[100,100]"), ("[5]", "[100]"))
    assert evidence(squats(same, same)[HEAVIEST]) == (1, 1, 1)


def test_equal_weights_are_a_tie_however_they_are_written() -> None:
    assert squats(workout(("[5,5]", "[100,100.00]")))[HEAVIEST].set_number == 1


def test_a_record_falls_back_to_the_next_best() -> None:
    light, heavy = workout(("[5]", "[100]")), workout(("[5]", "[120]"))
    assert squats(light, heavy)[HEAVIEST].score == 120
    assert squats(light)[HEAVIEST].score == 100


def test_the_bests_of_two_parts_are_those_of_the_whole() -> None:
    light, heavy = workout(("[5,9]", "[100,50]")), workout(("[5]", "[120]"))
    parts = [bests_of([(n, each)])[SQUAT] for n, each in enumerate((light, heavy), 1)]
    assert raised(*parts) == raised(*reversed(parts)) == squats(light, heavy)


def test_what_was_held_for_a_while_differs() -> None:
    light, heavy = squats(workout(("[5]", "[100]"))), squats(workout(("[5]", "[120]")))
    in_weight = {HEAVIEST, rep_kind(5), E1RM, VOLUME}
    assert differing(light, 2, heavy) == in_weight
    assert differing(heavy, 1, light) == in_weight | {REPS}
    assert differing(heavy, 2, light) == set()
    assert differing(light, 1, {}) == in_weight | {REPS}
    assert differing(light, 2, {}) == set()


def test_what_a_part_loses_has_fallen_unless_it_was_another_part_s() -> None:
    light, heavy = squats(workout(("[5]", "[100]"))), squats(workout(("[5]", "[120]")))
    assert HEAVIEST in fallen(heavy, heavy, light)
    assert fallen(heavy, light, {}) == set()  # what another part holds stays
    assert fallen(heavy, heavy, heavy) == set()
    assert HEAVIEST not in fallen(light, light, heavy)
