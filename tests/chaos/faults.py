"""Faults of the real stack: each leaves it mended, or to be mended by whoever supervises it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import psycopg
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connectors import registration
from connectors.errors import ConnectorError
from infra.home import Home
from infra.ports import choose, is_free
from infra.services.part import TONNAGE
from infra.supervision import Supervisor
from stream.admin import kafka_admin
from stream.engine.app import SESSION_TIMEOUT_SECONDS
from stream.generations import serving
from stream.settings import Settings
from stream.topology import topics_of
from tests.processes import signal_all

Found = TypeVar("Found")

STATE_FILES = ("*.sst", "MANIFEST-*", "CURRENT", "*.log")


class Faults:
    """Makes faults by chance, while `busy` keeps rows in flight."""

    def __init__(self, settings: Settings, chance: random.Random, busy: Callable[[], None]) -> None:
        self.settings = settings
        self.chance = chance
        self.busy = busy
        self.counts: Counter[str] = Counter()
        self.home = Home.at(settings.home)
        self.supervisor = Supervisor(self.home)
        self.guests: list[subprocess.Popen[bytes]] = []
        self.state = settings.state_folder
        with psycopg.connect(settings.need("read_store_dsn")) as connection:
            generation = serving(connection)
        assert generation is not None
        self.group = topics_of(settings, generation.number).group
        self.kinds: list[Callable[[], None]] = [
            self.worker_killed,
            self.worker_paused,
            self.state_deleted,
            self.state_torn,
            self.guest_joins,
            self.guest_leaves,
            self.connect_restarted,
            self.connector_paused,
            self.broker_restarted,
            self.read_store_stopped,
            self.connections_cut,
        ]

    def run(self, count: int) -> None:
        """Make so many faults: each kind once before any comes again."""
        kinds: list[Callable[[], None]] = []
        for _ in range(count):
            if not kinds:
                kinds = self.chance.sample(self.kinds, len(self.kinds))
            fault = kinds.pop()
            self.busy()
            fault()
            self.counts[fault.__name__] += 1
            self.busy()

    def close(self) -> None:
        """End what was started here."""
        for guest in self.guests:
            guest.kill()
            guest.wait()

    def worker_killed(self) -> None:
        """Kill a worker of the supervisor's."""
        os.kill(self._worker(), signal.SIGKILL)

    def worker_paused(self) -> None:
        """Stop a worker until its session is over and others took its place, then wake it."""
        pid = self._worker()
        members = len(self.supervisor.worker_pids()) + len(self.guests)
        _until(lambda: self._members() == members, 120)
        signal_all(pid, signal.SIGSTOP)
        try:
            self.busy()
            _until(lambda: self._members() < members, SESSION_TIMEOUT_SECONDS * 5)
            self.busy()
        finally:
            signal_all(pid, signal.SIGCONT)

    def state_deleted(self) -> None:
        """Kill a worker, and delete its local state."""
        self._without_worker(lambda: shutil.rmtree(self.state, ignore_errors=True))

    def state_torn(self) -> None:
        """Kill a worker, and cut one of its files short."""

        def tear() -> None:
            files = sorted(
                path for kind in STATE_FILES for path in self.state.rglob(kind) if path.is_file()
            )
            for path in self.chance.sample(files, min(2, len(files))):
                os.truncate(path, path.stat().st_size // 2)

        self._without_worker(tear)

    def guest_joins(self) -> None:
        """Start one more worker, which takes some of the partitions."""
        port = choose("guest", None, 0, None)
        environment = {
            **os.environ,
            "TONNAGE_HOME": str(self.settings.home),
            "TONNAGE_WORKER_PORT": str(port),
        }
        with (self.home.logs / f"guest-{port}.log").open("wb") as log:
            self.guests.append(
                subprocess.Popen(
                    [TONNAGE, "stream", "run"], env=environment, stdout=log, stderr=log
                )
            )

    def guest_leaves(self) -> None:
        """End that worker, gently or not."""
        if not self.guests:
            self.guest_joins()
            self.busy()
        guest = self.guests.pop(0)
        guest.send_signal(self.chance.choice([signal.SIGTERM, signal.SIGKILL]))
        guest.wait(60)

    def connect_restarted(self) -> None:
        """Kill Kafka Connect with its connector."""
        os.kill(self.supervisor.states()["connect"].pid, signal.SIGKILL)

    def connector_paused(self) -> None:
        """Pause the connector while the primary is busy; Connect may be on its way up still."""
        _until(self._runs, 180)
        registration.pause(self.settings)
        self.busy()
        registration.resume(self.settings)

    def broker_restarted(self) -> None:
        """Stop the broker for a while."""
        self.supervisor.stop("kafka")
        self.busy()
        self.supervisor.start("kafka")

    def read_store_stopped(self) -> None:
        """Stop the read store for a while."""
        self.supervisor.stop("read-store")
        self.busy()
        self.supervisor.start("read-store")

    def connections_cut(self) -> None:
        """Cut every connection to the read store, and Debezium's to the primary."""
        _until(self._read_store_answers, 60)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with psycopg.connect(self.settings.need("read_store_dsn"), autocommit=True) as connection:
            connection.execute(cut + " AND datname = current_database()")
        with psycopg.connect(self.settings.need("source_dsn"), autocommit=True) as connection:
            connection.execute(cut + " AND usename = %s", [self.settings.capture_user])

    def _worker(self) -> int:
        """Return the pid of a worker that the supervisor runs; wait for one that is starting."""
        return self.chance.choice(_until(self.supervisor.worker_pids, 60))

    def _read_store_answers(self) -> bool:
        try:
            psycopg.connect(self.settings.need("read_store_dsn")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _runs(self) -> bool:
        try:
            registration.wait_running(self.settings)
        except ConnectorError:
            return False
        return True

    def _members(self) -> int:
        """Return how many workers the broker thinks there are; it may be on its way up still."""
        port = int(self.settings.need("bootstrap_servers").rpartition(":")[2])
        _until(lambda: not is_free(port), 60)
        with kafka_admin(self.settings) as admin:
            return len(admin.describe_groups([self.group])[self.group]["members"])

    def _without_worker(self, act: Callable[[], object]) -> None:
        """Do something while none of the supervisor's workers runs."""
        names = [name for name in self.supervisor.states() if name.startswith("worker_")]
        for pid in self.supervisor.worker_pids():
            os.kill(pid, signal.SIGKILL)
        for name in names:
            self.supervisor.stop(name)
        act()
        for name in names:
            self.supervisor.start(name)


def _until(look: Callable[[], Found | None], seconds: float) -> Found:
    """Return what is found, once it is; raises RetryError after so many seconds."""
    waiting = Retrying(
        retry=retry_if_result(lambda found: not found),
        wait=wait_fixed(0.2),
        stop=stop_after_delay(seconds),
    )
    found = waiting(look)
    assert found is not None
    return found
