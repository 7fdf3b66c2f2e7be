"""A worker that is stopped at an exact moment, replaced and woken takes nothing back."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from stream.admin import kafka_admin
from stream.generations import serving_settings
from stream.names import Topics
from stream.topology import changelogs, topics_of
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.zombie_engine import MOMENTS

pytestmark = pytest.mark.stack

LIFTERS = 8
"""So many that every partition has one, whoever owns it."""

ROLLED_AT_ONCE = {
    "segment.ms": "100",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
}


class Flow:
    """The flow of what serves, and rows in every partition that a test edits."""

    def __init__(self, app: App, pipeline: Pipeline, lifter: Lifter) -> None:
        self.app = app
        self.pipeline = pipeline
        own = serving_settings(pipeline.settings)
        number = int(pipeline.schema.removeprefix("tonnage_g"))
        self.settings = own
        self.topics: Topics = topics_of(own, number)
        self.rows = [
            app.performed(app.workout(app.user(), "2026-11-03T18:00Z"), lifter.squat, "[5]", "[50]")
            for _ in range(LIFTERS)
        ]

    def lift(self, weight: int) -> None:
        """Edit all rows."""
        for row in self.rows:
            self.app.run(
                f"UPDATE workouts_performedexercise SET weights_per_set = '[{weight}]'"
                f" WHERE id = {row}"
            )

    def lift_until(self, zombie: subprocess.Popen[bytes], moment: str) -> None:
        """Edit all rows, other than before, until a zombie has stopped."""
        weights = itertools.count(100)

        def has_stopped() -> bool:
            self.lift(next(weights))
            return stopped(zombie)

        until(has_stopped, f"a zombie that stopped when {moment}")

    def move(self, week: int) -> None:
        """Move every workout to another week."""
        for row in self.rows:
            self.app.run(
                f"UPDATE workouts_workout SET date = date + interval '{week} weeks' WHERE id ="
                f" (SELECT workout_id FROM workouts_performedexercise WHERE id = {row})"
            )

    def members(self) -> int:
        """Return how many engines the group has."""
        with kafka_admin(self.settings) as admin:
            return len(admin.describe_groups([self.topics.group])[self.topics.group]["members"])

    @contextmanager
    def zombie(self, moment: str, flag: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Run one more engine, which stops itself at a moment once the flag is there."""
        command = (sys.executable, "-m", "tests.e2e.zombie_engine", moment, str(flag))
        with (
            flag.with_suffix(".log").open("wb") as log,
            subprocess.Popen(
                [*command, str(self.topics.generation)],
                env={**os.environ, "TONNAGE_HOME": str(self.settings.home)},
                stdout=log,
                stderr=log,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.send_signal(signal.SIGCONT)
                process.kill()

    def compact(self) -> None:
        """Let the broker compact every changelog, so that late records are all that is left."""
        names = changelogs(self.settings, self.topics)
        with kafka_admin(self.settings) as admin:
            topics = ConfigResourceType.TOPIC
            admin.alter_configs(
                [ConfigResource(topics, name, configs=ROLLED_AT_ONCE) for name in names]
            )
        checkpoint = self.settings.home / "data" / "kafka" / "cleaner-offset-checkpoint"
        before = checkpoint.read_text()

        def cleaned() -> bool:
            self.lift(71)
            held = checkpoint.read_text()
            return held != before and all(name in held for name in names)

        until(cleaned, "compacted changelogs")


def stopped(process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


def test_a_zombie_of_each_moment_takes_nothing_back(
    app: App, pipeline: Pipeline, settled: Lifter, tmp_path: Path
) -> None:
    flow = Flow(app, pipeline, settled)
    pipeline.settle()
    alone = flow.members()
    for moment in MOMENTS:
        flag = tmp_path / moment
        if moment == "opening":
            flag.touch()
        with flow.zombie(moment, flag) as zombie:
            if moment != "opening":
                until(lambda: flow.members() > alone, "one more in the group")
                pipeline.settle()
                flag.touch()
            flow.lift_until(zombie, moment)
            until(lambda: flow.members() == alone, "the end of its session")
            flow.lift(60)
            flow.move(1)
            flow.move(-1)
            pipeline.settle()
            assert pipeline.differences() == []
            zombie.send_signal(signal.SIGCONT)
            until(lambda: flow.members() > alone, "its return to the group")
            flow.lift(55)
            pipeline.settle()
            assert pipeline.differences() == []
        until(lambda: flow.members() == alone, "the end of the zombie")
    flow.compact()
    workers = [name for name in pipeline.supervisor.states() if name.startswith("worker_")]
    for name in workers:
        pipeline.supervisor.stop(name)
    shutil.rmtree(pipeline.settings.state_folder)
    for name in workers:
        pipeline.supervisor.start(name)
    flow.lift(65)
    pipeline.settle()
    assert pipeline.differences() == []
