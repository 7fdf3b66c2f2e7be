"""Two generations are looked at again once both have what either may have had."""

from __future__ import annotations

import pytest

from infra import caught_up, rebuild
from stream.cdc.lsn import parse_lsn
from stream.generations import Generation, by_number, serving
from stream.settings import Settings
from tests.integration.conftest import NOW, ReadStore

THERE, BEYOND = "0/10", "F/0"


@pytest.fixture
def two(read_store: ReadStore) -> list[Generation]:
    """Two generations that are level, far behind what the primary has written."""
    read_store.execute(
        "INSERT INTO tonnage.generation (number, state, capture, built_from)"
        " SELECT 2, 'building', capture, built_from FROM tonnage.generation"
    )
    for number in (1, 2):
        read_store.frontier(THERE, NOW, number)
    first = serving(read_store.connection)
    assert first is not None
    return [first, by_number(read_store.connection, 2)]


def past(settings: Settings, read_store: ReadStore, two: list[Generation]) -> bool:
    written = parse_lsn(caught_up.current_lsn(settings))
    return rebuild.all_past(read_store.connection, two, written, patience=0)


def test_two_that_are_level_have_not_passed_what_was_written(
    settings: Settings, read_store: ReadStore, two: list[Generation]
) -> None:
    assert not past(settings, read_store, two)


@pytest.mark.parametrize(("ahead", "reached"), [((1,), False), ((2,), False), ((1, 2), True)])
def test_both_have_to_serve_what_was_written(
    settings: Settings,
    read_store: ReadStore,
    two: list[Generation],
    ahead: tuple[int, ...],
    reached: bool,  # noqa: FBT001
) -> None:
    for number in ahead:
        read_store.frontier(BEYOND, NOW, number)
    assert past(settings, read_store, two) is reached


def test_without_a_primary_they_pass_each_other(
    read_store: ReadStore, two: list[Generation]
) -> None:
    assert rebuild.all_past(read_store.connection, two, written=0, patience=0)
    read_store.frontier(BEYOND, NOW, 2)
    assert not rebuild.all_past(read_store.connection, two, written=0, patience=0)
