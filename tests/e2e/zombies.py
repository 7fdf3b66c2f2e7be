"""One more engine of what serves, which is stopped at a moment, replaced, and woken."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from stream.admin import kafka_admin
from stream.generations import serving_settings
from stream.topology import topics_of
from tests.e2e.app import App
from tests.e2e.changelogs import Changelogs
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.zombie_engine import OPENING

COUNT = 16
"""So many lifters that each partition of each topic has some, whoever owns it."""
PERFORMED = "workouts_performedexercise"


class Lifters:
    """Users with a workout each in 2026-W45: a row that a test edits, and one beside it."""

    def __init__(self, app: App, exercise: int) -> None:
        self._app = app
        self._exercise = exercise
        self.users = [app.user() for _ in range(COUNT)]
        self._workouts = [app.workout(user, "2026-11-03T18:00Z") for user in self.users]
        self._rows = [app.performed(each, exercise, "[5]", "[50]") for each in self._workouts]
        self._beside = [app.performed(each, exercise, "[3]", "[40]") for each in self._workouts]

    def lift(self, weight: int) -> None:
        """Edit the rows, in one transaction."""
        self._edit(PERFORMED, f"weights_per_set = '[{weight}]'", self._rows)

    def lift_beside(self, reps: int) -> None:
        """Edit the rows beside them."""
        self._edit(PERFORMED, f"reps_per_set = '[{reps}]'", self._beside)

    def move(self, weeks: int) -> None:
        """Move the workouts to another week."""
        self._edit("workouts_workout", f"date = date + interval '{weeks} weeks'", self._workouts)

    def train(self) -> None:
        """Add a workout in the week in which they began."""
        for user in self.users:
            self._app.performed(
                self._app.workout(user, "2026-11-05T18:00Z"), self._exercise, "[2]", "[30]"
            )

    def _edit(self, table: str, change: str, rows: list[int]) -> None:
        ids = ", ".join(map(str, rows))
        self._app.run(f"UPDATE {table} SET {change} WHERE id IN ({ids})")


class Graveyard:
    """The group of what serves, its changelogs, and the workers that the supervisor runs."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.settings = serving_settings(pipeline.settings)
        number = int(pipeline.schema.removeprefix("tonnage_g"))
        self.topics = topics_of(self.settings, number)
        self.changelogs = Changelogs(self.settings, self.topics)
        self.alone = self._group()[1]

    def _group(self) -> tuple[str, int]:
        with kafka_admin(self.settings) as admin:
            found = admin.describe_groups([self.topics.group])[self.topics.group]
            return found["group_state"], len(found["members"])

    def joined(self) -> bool:
        """Tell whether the zombie has its share of the partitions."""
        state, members = self._group()
        return state == "Stable" and members > self.alone

    def replaced(self) -> bool:
        """Tell whether the others have all partitions."""
        return self._group() == ("Stable", self.alone)

    @contextmanager
    def stopped(
        self, moment: str, topic: str, folder: Path, write: Lifters
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a zombie that has 100 lifted in hand, and is stopped and replaced."""
        flag = folder / "stop"
        if moment == OPENING:
            flag.touch()
        with self._engine(moment, topic, flag) as zombie:
            if moment != OPENING:
                until(self.joined, "a zombie with its share")
                flag.touch()
                write.lift(100)
            until(lambda: _is_stopped(zombie), f"a zombie that stopped when {moment} {topic}")
            until(self.replaced, "a group without the zombie")
            yield zombie
            zombie.terminate()  # killed, it would be waited for by its group
            until(self.replaced, "a group that the zombie has left")

    @contextmanager
    def _engine(self, moment: str, topic: str, flag: Path) -> Iterator[subprocess.Popen[bytes]]:
        command = (sys.executable, "-m", "tests.e2e.zombie_engine", moment, topic, str(flag))
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

    def restore(self) -> None:
        """Delete the local state of every worker, and have it restored from the changelogs."""
        supervisor = self.pipeline.supervisor
        workers = [name for name in supervisor.states() if name.startswith("worker_")]
        for name in workers:
            supervisor.stop(name)
        shutil.rmtree(self.settings.state_folder)
        for name in workers:
            supervisor.start(name)


def _is_stopped(process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the zombie has ended"
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
