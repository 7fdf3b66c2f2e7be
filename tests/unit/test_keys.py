from __future__ import annotations

from stream.domain.workouts import Place
from stream.steps.keys import (
    exercise_key,
    index_key,
    index_prefix,
    place_of_index,
    place_of_week,
    week_bests_key,
    week_bests_prefix,
    week_key,
    year_bests_key,
    year_bests_prefix,
)

PLACE = Place(2**62, 2020, 53)


def test_a_week_is_read_from_its_key() -> None:
    assert place_of_week(week_key(PLACE)) == PLACE


def test_other_keys_are_no_weeks() -> None:
    assert place_of_week(exercise_key(1)) is None


def test_a_week_is_read_from_its_key_in_the_index() -> None:
    assert place_of_index(index_key(7, PLACE)) == PLACE


def test_a_prefix_finds_what_it_owns_and_nothing_else() -> None:
    assert index_key(7, PLACE).startswith(index_prefix(7))
    assert not index_key(7, PLACE).startswith(index_prefix(8))
    assert week_bests_key(PLACE, 7).startswith(week_bests_prefix(PLACE, 7))
    assert not week_bests_key(PLACE, 7).startswith(week_bests_prefix(Place(2**62, 2021, 1), 7))
    assert year_bests_key(PLACE, 7).startswith(year_bests_prefix(2**62, 7))


def test_ids_that_begin_alike_are_apart() -> None:
    assert not index_key(71, PLACE).startswith(index_prefix(7))
    assert not index_key(7 << 8, PLACE).startswith(index_prefix(7))
