"""What is said does not depend on how the log was cut, and is said once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.topology.driver import PARTITIONS, Cut
from tests.topology.histories import History, World, app_operations, cuts, seeded, thorough

APP = seeded(app_operations)
ONE_AT_A_TIME = 1

Cuts = list[tuple[int, int, int]]


def up_to(step: int, history: History) -> World:
    """Play a history through the steps before one."""
    world = World("UTC")
    for name, *arguments in history:
        getattr(world, name)(*arguments)
    for before in range(step):
        drain(world, before)
    return world


def drain(world: World, step: int) -> None:
    """Let a step run to the end of its logs, a record at a time."""
    alone = [Cut(step, 1 << p, 1 << t, ONE_AT_A_TIME) for p in range(PARTITIONS) for t in range(4)]
    while any(world.pipeline.run(cut) for cut in alone):
        pass


def is_within(some: Sequence[Any], all_of_them: Sequence[Any]) -> bool:
    """Say whether `some` are among the others, in their order."""
    rest = iter(all_of_them)
    return all(each in rest for each in some)


@thorough
@given(history=APP, step=st.integers(0, 2), cuts=cuts)
def test_a_batch_says_some_of_what_its_records_say_and_ends_the_same(
    history: History, step: int, cuts: Cuts
) -> None:
    singly, cut = up_to(step, history), up_to(step, history)
    drain(singly, step)
    for partitions, topics, size in cuts:
        cut.pipeline.run(Cut(step, partitions, topics, size))
    cut.pipeline.run(Cut(step))
    one_by_one, in_batches = singly.sequences(), cut.sequences()
    for key, said in in_batches.items():
        assert is_within(said, one_by_one[key])
        assert said[-1] == one_by_one[key][-1]
    for key, said in one_by_one.items():
        assert key in in_batches or said[-1] is None


DELETED_BEFORE_ITS_ROWS: History = [
    ("put_workout", 1, 1, 0, 0),
    ("put_performed", 1, 1, 1, 0),
    ("drop", 1, 1),
    ("drop", 2, 1),
]
SURPLUS_WEIGHT: History = [
    ("put_workout", 1, 1, 0, 0),
    ("put_performed", 1, 1, 1, 1),
    ("put_performed", 1, 1, 1, 7),
]
BAD_EXERCISE: History = [("put_exercise", 2, 0, 4)]


@thorough
@given(history=APP)
@example(history=DELETED_BEFORE_ITS_ROWS)
@example(history=SURPLUS_WEIGHT)
@example(history=BAD_EXERCISE)
def test_only_real_differences_are_said(history: History) -> None:
    world = up_to(3, history)
    for said in world.sequences().values():
        assert all(before != after for before, after in pairwise([None, *said]))
