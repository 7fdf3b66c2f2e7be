"""Parts that pause, stop and die: figures stand still, then follow; none is ever wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import PATIENCE, Pipeline, until

pytestmark = pytest.mark.stack

W45, W46 = "2026-W45", "2026-W46"


@pytest.fixture
def paused_connector(pipeline: Pipeline, settled: Lifter) -> Iterator[Lifter]:
    done = pipeline.command("connector", "pause")
    assert done.returncode == 0, done.stderr
    yield settled
    done = pipeline.command("connector", "resume")
    assert done.returncode == 0, done.stderr


def is_stale(pipeline: Pipeline, user: int) -> bool:
    meta = pipeline.meta(user)
    assert not meta.stale or "behind the source" in (meta.reason or "")
    return meta.stale


def test_a_paused_connector_moves_no_figure(
    app: App, pipeline: Pipeline, paused_connector: Lifter
) -> None:
    app.performed(paused_connector.next_week, paused_connector.squat, "[1]", "[1000]")
    until(lambda: is_stale(pipeline, paused_connector.user), "answers that say they are stale")
    assert pipeline.volume(paused_connector.user, W46) == 900
    assert pipeline.command("connector", "resume").returncode == 0
    pipeline.settle()
    assert pipeline.volume(paused_connector.user, W46) == 1900
    until(lambda: not is_stale(pipeline, paused_connector.user), "fresh answers")
    assert pipeline.differences() == []


def test_figures_stay_while_the_primary_is_stopped_and_follow_when_it_is_back(
    pipeline: Pipeline, settled: Lifter
) -> None:
    pipeline.supervisor.stop("primary")
    try:
        until(lambda: is_stale(pipeline, settled.user), "answers that say they are stale")
        assert pipeline.volume(settled.user, W45) == 2140
        assert pipeline.http.get("/healthz").status_code == httpx.codes.OK
    finally:
        pipeline.supervisor.start("primary")
    with back(pipeline.settings.need("source_dsn")) as connection:
        App(connection).workout(settled.user, "2020-12-31T18:00Z")
    pipeline.settle()
    assert pipeline.volume(settled.user, "2020-W53") == 0
    assert pipeline.differences() == []


@retry(
    retry=retry_if_exception_type(psycopg.OperationalError),
    stop=stop_after_delay(PATIENCE),
    wait=wait_fixed(0.1),
)
def back(dsn: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to a server that comes back."""
    return psycopg.connect(dsn, autocommit=True)


def worker(pipeline: Pipeline) -> tuple[int, str]:
    """Return the worker's pid, as the stack's file has it, and its address."""
    pids = json.loads((pipeline.settings.home / "stack.json").read_text())["worker_pids"]
    parts = json.loads(pipeline.command("status", "--json").stdout)["parts"]
    (address,) = [part["address"] for part in parts if part["name"] == "worker_0"]
    return pids[0] if pids else 0, address


def health(address: str) -> dict[str, object]:
    try:
        found: dict[str, object] = httpx.get(f"{address}/health", trust_env=False).json()
    except httpx.TransportError:
        return {}
    return found


def tear(folder: Path) -> None:
    """Cut every file of the local state in half, as a failing disk might."""
    for file in folder.rglob("*"):
        if file.is_file():
            os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize("harm", [shutil.rmtree, tear])
def test_a_killed_worker_whose_state_is_gone_takes_it_from_the_changelog(
    app: App, pipeline: Pipeline, settled: Lifter, harm: Callable[[Path], None]
) -> None:
    pid, address = worker(pipeline)
    killed = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    killed.wait(10)
    harm(pipeline.settings.state_folder)
    until(lambda: bool(health(address).get("ready")), "a worker that is ready again")
    assert health(address)["restored"] != 0
    until(lambda: worker(pipeline)[0] not in (0, pid), "the new worker's pid in the stack's file")
    app.run(f"UPDATE workouts_workout SET date = '2026-11-11' WHERE id = {settled.monday}")
    pipeline.settle()
    assert pipeline.week(settled.user, W45) is None
    assert pipeline.volume(settled.user, W46) == 3040
    assert pipeline.differences() == []


def test_the_broker_may_be_away_for_a_while(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    pipeline.supervisor.stop("kafka")
    app.performed(settled.next_week, settled.squat, "[1]", "[1000]")
    pipeline.supervisor.start("kafka")
    pipeline.settle()
    assert pipeline.volume(settled.user, W46) == 1900
    assert pipeline.differences() == []


def test_the_read_store_may_be_away_for_a_while(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    """The worker waits and goes on: it is the same process that was there before."""
    pid, _ = worker(pipeline)
    pipeline.supervisor.stop("read-store")
    try:
        app.performed(settled.next_week, settled.squat, "[1]", "[1000]")
        log = pipeline.settings.home / "logs" / "worker_0.log"
        seen = log.stat().st_size
        until(
            lambda: "does not take a batch" in log.read_bytes()[seen:].decode(),
            "a sink that says it waits",
        )
    finally:
        pipeline.supervisor.start("read-store")
    back(pipeline.settings.need("read_store_dsn")).close()
    pipeline.settle()
    assert pipeline.volume(settled.user, W46) == 1900
    assert worker(pipeline)[0] == pid
    assert pipeline.differences() == []
