"""Workers that come, go, are killed and are paused while rows are written: nothing differs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from infra.ports import choose
from infra.services.part import TONNAGE
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.meanwhile import running
from tests.e2e.pipeline import Pipeline, until
from tests.processes import signal_all

pytestmark = pytest.mark.stack


@contextmanager
def another_worker(pipeline: Pipeline, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker beside the stack's; it has its share when this is entered."""
    port = choose("worker", None, 0, None)
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [TONNAGE, "stream", "run", "--port", str(port)],
            env={**os.environ, "TONNAGE_HOME": str(pipeline.settings.home)},
            stdout=file,
            stderr=file,
        ) as process,
    ):

        def ready() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            with suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
            return False

        try:
            until(ready, "another worker that is ready")
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                signal_all(process.pid, signal.SIGCONT)
            process.terminate()
            process.wait(60)


@contextmanager
def edits(pipeline: Pipeline, lifter: Lifter) -> Iterator[None]:
    """Write all the while, as the app does, rows of many partitions."""

    def write(over: threading.Event) -> None:
        with psycopg.connect(pipeline.settings.need("source_dsn"), autocommit=True) as connection:
            app, count = App(connection), 0
            while not over.is_set():
                count += 1
                workout = app.workout(lifter.user, f"2026-0{1 + count % 9}-11T18:00Z")
                app.performed(workout, lifter.squat, f"[{count % 10}]", "[100.5]")
                app.run(
                    f"UPDATE workouts_performedexercise SET weights_per_set = '[{count}]'"
                    f" WHERE id = {lifter.benches}"
                )

    with running(write):
        yield


def served(pipeline: Pipeline, user: int) -> int:
    """Return how many workouts of a user are served."""
    ((count,),) = pipeline.rows("SELECT count(*) FROM public.workouts WHERE user_id = %s", user)
    return int(count)


def flows(pipeline: Pipeline, user: int, by: int = 20) -> None:
    """Wait until so many workouts more are served."""
    least = served(pipeline, user) + by
    until(lambda: served(pipeline, user) >= least, "workouts that go on being served")


def test_nothing_is_lost_while_workers_come_and_go(
    pipeline: Pipeline, lifter: Lifter, tmp_path: Path
) -> None:
    with edits(pipeline, lifter):
        for number, end in enumerate((signal.SIGTERM, signal.SIGKILL)):
            with another_worker(pipeline, tmp_path / f"worker-{number}.log") as worker:
                flows(pipeline, lifter.user)
                worker.send_signal(end)
                worker.wait(60)
            flows(pipeline, lifter.user)
    pipeline.settle()
    assert pipeline.differences() == []


def test_a_worker_that_was_paused_and_replaced_does_no_harm(
    pipeline: Pipeline, lifter: Lifter, tmp_path: Path
) -> None:
    with edits(pipeline, lifter), another_worker(pipeline, tmp_path / "worker.log") as worker:
        flows(pipeline, lifter.user)
        signal_all(worker.pid, signal.SIGSTOP)
        pipeline.settle()  # once another has taken its partitions over
        signal_all(worker.pid, signal.SIGCONT)
        flows(pipeline, lifter.user, by=50)
    pipeline.settle()
    assert pipeline.differences() == []
