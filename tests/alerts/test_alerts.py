"""Each alert fires when its thing breaks on a real stack, and stops when it is mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.home import Home
from infra.stack import down
from stream.settings import load_settings
from tests.alerts.prometheus import Prometheus, prometheus
from tests.alerts.rules import program, rules
from tests.conftest import tonnage
from tests.e2e.app import App
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.watching import drop_slot

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

PATIENCE = 180.0
SETTINGS = {
    "TONNAGE_REBUILD": "ask",
    "TONNAGE_PROOF_SECONDS": "1",
    "TONNAGE_PROOF_PERCENT": "100",
    "TONNAGE_KEEP_SECONDS": "0",
}


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    """A stack of this module's own, that mends nothing by itself."""
    program("prometheus")
    # pytest closes its own folders to others, and PostgreSQL runs as another user
    home = Path(tempfile.mkdtemp(prefix="tonnage-test-"))
    try:
        done = tonnage(home, "up", **SETTINGS)
        assert done.returncode == 0, done.stderr
        settings = load_settings(home=home)
        bearer = {"Authorization": f"Bearer {settings.need('api_admin_token')}"}
        url = settings.need("api_url")
        with httpx.Client(base_url=url, headers=bearer, timeout=60, trust_env=False) as http:
            yield Pipeline(settings, http)
    finally:
        down(Home.at(home), purge=True)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def watched(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    stack = json.loads((Path(pipeline.settings.home) / "stack.json").read_text())
    with prometheus(tmp_path_factory.mktemp("prometheus"), stack["metrics"]) as made:
        yield made


@contextmanager
def app_of(pipeline: Pipeline) -> Iterator[App]:
    dsn = pipeline.settings.need("source_dsn")
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield App(connection)


def run(pipeline: Pipeline, *arguments: str) -> None:
    done = pipeline.command(*arguments, **SETTINGS)
    assert done.returncode == 0, done.stderr


# -- faults: each breaks something, and mends it in the end

Fault = Callable[[Pipeline], AbstractContextManager[None]]


def stopped(part: str) -> Fault:
    @contextmanager
    def fault(pipeline: Pipeline) -> Iterator[None]:
        pipeline.supervisor.stop(part)
        try:
            yield
        finally:
            pipeline.supervisor.start(part)

    return fault


@contextmanager
def no_worker(pipeline: Pipeline) -> Iterator[None]:
    """No worker runs, and the app goes on."""
    with stopped("worker_0")(pipeline), app_of(pipeline) as app:
        user = app.user()
        for day in range(60):
            app.workout(user, f"2026-{day // 28 + 1:02}-{day % 28 + 1:02}T18:00Z")
        yield


@contextmanager
def paused(pipeline: Pipeline) -> Iterator[None]:
    """The connector is paused, and the app goes on."""
    run(pipeline, "connector", "pause")
    with app_of(pipeline) as app:
        app.run("CREATE TABLE other AS SELECT repeat('x', 999) FROM generate_series(1, 20000)")
    try:
        yield
    finally:
        with app_of(pipeline) as app:
            app.run("DROP TABLE other")
        run(pipeline, "connector", "resume")


@contextmanager
def slot_dropped(pipeline: Pipeline) -> Iterator[None]:
    """Somebody drops the slot; the source is read anew."""
    with app_of(pipeline) as app:
        drop_slot(app)
    try:
        yield
    finally:
        run(pipeline, "stream", "reset", "--from-source", "--yes")


@contextmanager
def bad_row(pipeline: Pipeline) -> Iterator[None]:
    """The app writes a row that can't be counted; nobody corrects it."""
    with app_of(pipeline) as app:
        user = app.user()
        workout = app.workout(user, "2026-11-02T18:00Z")
        app.performed(workout, app.exercise(user, "Squat", "legs"), '["many"]', None)
    yield


@contextmanager
def drifted(pipeline: Pipeline) -> Iterator[None]:
    """A figure in the read store is altered."""
    with app_of(pipeline) as app:
        app.workout(app.user(), "2026-11-02T18:00Z")
    pipeline.settle()
    change = f"UPDATE {pipeline.schema}.weekly_stats SET workout_count = workout_count"
    pipeline.rows(f"{change} + 1 RETURNING 1")
    try:
        yield
    finally:
        pipeline.rows(f"{change} - 1 RETURNING 1")


@contextmanager
def killed_again_and_again(pipeline: Pipeline) -> Iterator[None]:
    """The API dies each time that it answers again, until the alert has fired."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(2):  # it is seen by Prometheus meanwhile
            if answers(pipeline):
                os.kill(pipeline.supervisor.states()["api"].pid, signal.SIGKILL)

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        yield
    finally:
        over.set()
        killing.join()


def answers(pipeline: Pipeline) -> bool:
    """Ask the API something; say whether it answers, whatever that is."""
    try:
        pipeline.http.get("/v1/users/1/streak")
    except httpx.TransportError:
        return False
    return True


FAULTS: dict[str, tuple[Fault, set[tuple[str, str]]]] = {
    "the API is stopped": (stopped("api"), {("TonnageApiDown", "")}),
    "the watch is stopped": (stopped("watch"), {("TonnageWatchDown", "")}),
    "the worker is stopped": (
        no_worker,
        {
            ("TonnageWorkerDown", ""),
            ("TonnageNoWorker", ""),
            ("TonnageStepBehind", ""),
            ("TonnageLagging", ""),
            ("TonnageStale", ""),
        },
    ),
    "the connector is paused": (
        paused,
        {
            ("TonnageConnectorNotRunning", ""),
            ("TonnageSlotHoldsWal", ""),
        },
    ),
    "the read store is stopped": (
        stopped("read-store"),
        {
            ("TonnageReadStoreDown", ""),
            ("TonnagePartDown", "read-store"),
            ("TonnageApiErrors", ""),
            ("TonnageWatchBlind", ""),
        },
    ),
    "the primary is stopped": (stopped("primary"), {("TonnagePartDown", "primary")}),
    "Kafka Connect is stopped": (
        stopped("connect"),
        {("TonnagePartDown", "connect"), ("TonnageHeartbeatLate", "")},
    ),
    "the broker is stopped": (stopped("kafka"), {("TonnagePartDown", "kafka")}),
    "a row can't be counted": (bad_row, {("TonnageBadRows", "")}),
    "a figure is altered": (drifted, {("TonnageDrift", "")}),
    "a program dies again and again": (killed_again_and_again, {("TonnageRestarting", "")}),
    "the slot is dropped": (
        slot_dropped,
        {("TonnageSlotMissing", ""), ("TonnageIncident", "slot")},
    ),
}


def test_every_alert_has_a_fault() -> None:
    assert {name for _, alerts in FAULTS.values() for name, _ in alerts} == rules().keys()


LONG = {
    "the connector is paused",
    "Kafka Connect is stopped",
    "the broker is stopped",
    "a row can't be counted",
    "a program dies again and again",
}
"""What takes half a minute and more; `make alerts` breaks these, too."""


@pytest.mark.parametrize("name", FAULTS)
def test_an_alert_fires_when_something_breaks_and_stops_when_it_is_mended(
    pipeline: Pipeline, watched: Prometheus, name: str
) -> None:
    if name in LONG and "ALERTS" not in os.environ:
        pytest.skip("it takes long: `make alerts` runs it")
    fault, alerts = FAULTS[name]
    until(lambda: not watched.firing(), "peace before", PATIENCE)

    def all_fire() -> bool:
        answers(pipeline)
        return alerts <= watched.firing()

    with fault(pipeline):
        until(all_fire, f"{alerts} fire", PATIENCE)
    until(lambda: not watched.firing(), "all of them stop", PATIENCE)
