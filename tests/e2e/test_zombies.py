"""A worker that is stopped at an exact moment, replaced and woken takes nothing back.

What it holds is not written again by anyone before the changelogs are compacted and state is
restored from them: a later write would hide what the late one did.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.zombie_engine import OPENING, SENDING, SENT
from tests.e2e.zombies import Graveyard, Lifters

pytestmark = pytest.mark.stack

STEPS = ("route", "assemble", "aggregate")


@pytest.fixture
def graveyard(pipeline: Pipeline) -> Graveyard:
    return Graveyard(pipeline)


@pytest.fixture
def others(app: App, lifter: Lifter) -> Lifters:
    """Those who go on meanwhile, in the same partitions."""
    return Lifters(app, lifter.squat)


def right(pipeline: Pipeline) -> None:
    """Whatever was written is served, and nothing differs."""
    pipeline.settle()
    assert pipeline.differences() == []


def fall_and_move(held: Lifters) -> None:
    """Take the records and the week back that the zombie is about to tell of."""
    held.lift(60)
    held.move(1)


def build_on_what_was_held(pipeline: Pipeline, held: Lifters) -> None:
    """Write what is right only where state is: beside what was held first, then its reversal."""
    held.lift_beside(7)
    held.train()
    right(pipeline)
    held.lift(100)
    right(pipeline)
    held.move(-1)
    right(pipeline)


def compact_and_restore(graveyard: Graveyard, others: Lifters) -> None:
    reps = iter(range(1, 10_000))

    def write() -> None:
        count = next(reps)
        others.lift(count)
        others.lift_beside(count)

    with graveyard.changelogs.compacted(write):
        graveyard.restore()
        right(graveyard.pipeline)


def test_what_a_zombie_sends_late_is_healed(
    app: App, lifter: Lifter, graveyard: Graveyard, others: Lifters, tmp_path: Path
) -> None:
    pipeline, changelogs = graveyard.pipeline, graveyard.changelogs
    held = {step: Lifters(app, lifter.squat) for step in STEPS}
    right(pipeline)
    for step, of_step in held.items():
        topic = graveyard.topics.changelog(step)
        with graveyard.stopped(SENDING, topic, tmp_path, of_step) as zombie:
            fall_and_move(of_step)
            right(pipeline)
            before = changelogs.look()
            zombie.send_signal(signal.SIGCONT)
            until(lambda: changelogs.look().late > before.late, "what the zombie sends late")  # noqa: B023 - called at once
            others.lift(70)
            right(pipeline)
            until(lambda: changelogs.look().hidden == 0, "what was hidden, written again behind it")
    compact_and_restore(graveyard, others)
    for of_step in held.values():
        build_on_what_was_held(pipeline, of_step)


def test_a_zombie_goes_on_with_what_its_successor_left(
    app: App, lifter: Lifter, graveyard: Graveyard, others: Lifters, tmp_path: Path
) -> None:
    pipeline = graveyard.pipeline
    moments = [(OPENING, "route"), (SENT, "assemble")]
    held = {each: Lifters(app, lifter.squat) for each in moments}
    right(pipeline)
    for (moment, step), of_moment in held.items():
        topic = graveyard.topics.changelog(step)
        with graveyard.stopped(moment, topic, tmp_path, of_moment) as zombie:
            fall_and_move(of_moment)
            right(pipeline)
            zombie.send_signal(signal.SIGCONT)
            until(graveyard.joined, "the zombie's return to the group")
            others.lift(70)
            right(pipeline)
            of_moment.lift_beside(9)
            right(pipeline)
    compact_and_restore(graveyard, others)
    for of_moment in held.values():
        build_on_what_was_held(pipeline, of_moment)
