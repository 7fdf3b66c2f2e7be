"""A retry judges what state holds by today's rules, and never brings back what was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.cdc import tables
from stream.cdc.envelope import BadEventError, Change, EnvelopeReader
from stream.cdc.tables import ExerciseColumns
from stream.domain import sets
from tests.topology.driver import TOPICS
from tests.topology.faults import ALL, BAD, BEGIN, HEAVY, LIGHT, PERFORMED, ROUTE
from tests.topology.histories import (
    TABLES,
    History,
    World,
    app_operations,
    faults,
    retries,
    runs,
    seeded,
    thorough,
)

REQUESTS_ALONE = 8
"""The mask of route's topics that picks the requests."""


@contextmanager
def stricter_rules() -> Iterator[None]:
    """Refuse, of each table, some of the rows that the rules allow."""
    allowed: Any = EnvelopeReader.change

    def change(reader: Any, value: bytes | None, timestamp_ms: int) -> Change[Any]:
        found: Change[Any] = allowed(reader, value, timestamp_ms)
        if isinstance(found.row, ExerciseColumns) and found.row.muscle_group == "core":
            raise BadEventError("the stricter rules know no core")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sets, "MAX_REPS", 3)
        patch.setattr(tables, "LAST_YEAR", 2020)
        patch.setattr(EnvelopeReader, "change", change)
        yield


def judged_anew(history: History, zone: str) -> World:
    """Play a history by stricter rules, then ask for all that is listed to be judged by ours."""
    world = World(zone)
    with stricter_rules():
        for name, *arguments in history:
            getattr(world, name)(*arguments)
        world.pipeline.drain()
    for table, row_id in world.quarantined():
        world.retry(TABLES.index(table), row_id)
    return world


A_LIFT: History = BEGIN[:-1]
MOVED: History = [*A_LIFT, ("put_workout", 2, 2, 0, 0), ("put_performed", 1, 2, 1, HEAVY)]
BECAME_BAD: History = [*A_LIFT, ("run", ROUTE, *ALL), ("put_workout", 1, 1, 2, 0)]


@thorough
@given(
    history=seeded(
        st.one_of(app_operations, runs, faults.filter(lambda operation: operation[0] != "settle"))
    ),
    after=st.lists(st.one_of(app_operations, runs, retries), max_size=8),
    zone=st.sampled_from(["UTC", "America/New_York"]),
)
@example(history=A_LIFT, after=[], zone="UTC")
@example(history=MOVED, after=[], zone="UTC")
@example(history=BECAME_BAD, after=[], zone="UTC")
@example(history=A_LIFT, after=[("settle",), ("put_performed", 1, 1, 1, HEAVY)], zone="UTC")
def test_what_is_listed_counts_again_by_the_rules_of_the_day(
    history: History, after: History, zone: str
) -> None:
    judged_anew(history, zone).play(after)


def test_without_a_retry_it_does_not() -> None:
    world = World("UTC")
    with stricter_rules():
        for name, *arguments in A_LIFT:
            getattr(world, name)(*arguments)
        world.pipeline.drain()
    assert {table for table, _ in world.quarantined()} == {"exercise", "performed"}
    with pytest.raises(AssertionError):
        world.settle()


def test_a_correction_that_is_not_read_yet_wins() -> None:
    world = World("UTC")
    world.play([*BEGIN, ("put_performed", 1, 1, 1, BAD)])
    world.put_performed(1, 1, 1, HEAVY)
    world.retry(PERFORMED, 1)
    world.run(ROUTE, 3, REQUESTS_ALONE, 99)
    assert world.quarantined() == {("performed", 1)}
    world.settle()
    assert world.quarantined() == set()


def test_a_retry_of_what_was_corrected_says_nothing_of_before() -> None:
    world = World("UTC")
    world.play([*BEGIN, ("put_performed", 1, 1, 1, BAD), ("settle",)])
    world.play([("put_performed", 1, 1, 1, LIGHT)])
    listed = dict(world.pipeline.read_store[TOPICS.quarantine])
    before = len(world.said)
    world.retry(PERFORMED, 1)
    world.settle()
    assert [(write.topic, write.value) for write in world.said[before:]] == [
        (TOPICS.quarantine, None)
    ]
    assert world.pipeline.read_store[TOPICS.quarantine] == listed


def test_a_key_that_can_not_be_read_has_nothing_to_judge() -> None:
    world = World("UTC")
    world.pipeline.emit("performed", b"no key", b"{}", 0)
    world.pipeline.drain()
    ((key, listed),) = world.pipeline.read_store[TOPICS.quarantine].items()
    world.pipeline.ask_again("performed", b"no key")
    world.pipeline.drain()
    assert world.pipeline.read_store[TOPICS.quarantine] == {key: listed}
