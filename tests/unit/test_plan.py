from __future__ import annotations

import threading

import pytest

from infra.plan import Step, carry_out, possible


def ignore(_name: str, _done: bool) -> None:  # noqa: FBT001 - the callback's shape
    pass


def step(name: str, *needs: str, act: object = None) -> Step:
    return Step(name, frozenset(needs), act if callable(act) else lambda: None)


def test_a_step_waits_for_what_it_needs() -> None:
    order: list[str] = []
    steps = [
        step("c", "b", act=lambda: order.append("c")),
        step("b", "a", act=lambda: order.append("b")),
        step("a", act=lambda: order.append("a")),
    ]
    carry_out(steps, (), ignore)
    assert order == ["a", "b", "c"]


def test_independent_steps_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)
    carry_out([step("a", act=both.wait), step("b", act=both.wait)], (), ignore)


def test_the_first_error_is_raised_and_ends_it() -> None:
    def fail() -> None:
        raise ValueError("no")

    begun: list[str] = []
    with pytest.raises(ValueError, match="no"):
        carry_out([step("a", act=fail), step("b", "a")], (), lambda name, _: begun.append(name))
    assert begun == ["a"]


def test_what_is_given_counts_as_done() -> None:
    done: list[tuple[str, bool]] = []
    carry_out([step("b", "a")], ["a"], lambda *seen: done.append(seen))
    assert done == [("b", False), ("b", True)]


def test_steps_whose_needs_nobody_meets_are_left_out() -> None:
    steps = [step("b", "a"), step("c", "b"), step("d", "x")]
    assert [each.name for each in possible(steps, ["a"])] == ["b", "c"]
