"""Faults of the real stack: each leaves it mended, or to be mended by whoever supervises it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from time import monotonic

import psycopg
from kafka.admin import ConfigResource, ConfigResourceType

from connectors import registration
from connectors.errors import ConnectorError
from infra import caught_up
from infra.home import Home
from infra.ports import choose, is_free
from infra.services.part import TONNAGE
from infra.supervision import Supervisor
from stream.admin import kafka_admin
from stream.cdc.lsn import parse_lsn
from stream.engine.app import SESSION_TIMEOUT_SECONDS
from stream.generations import serving, serving_settings
from stream.settings import Settings
from stream.topology import changelogs, topics_of
from tests.chaos.losses import Losses
from tests.chaos.waiting import until
from tests.processes import kill, signal_all

AWAY_SECONDS = float(os.environ.get("CHAOS_AWAY_SECONDS", "0"))
"""How long the broker is away: longer than a producer waits, in the long run."""
SENDS = 3
LIMIT = "max.message.bytes"
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
        self.in_flight: Counter[str] = Counter()
        losses = Losses(settings, chance, busy)
        self.of_a_capture = {self.connector_paused, *losses.kinds}
        """What needs a capture that works: one that has just lost its slot is being replaced."""
        self.kinds: list[Callable[[], None]] = [
            self.worker_killed,
            self.worker_killed_in_a_send,
            self.worker_paused,
            self.state_deleted,
            self.state_torn,
            self.guest_joins,
            self.guest_leaves,
            self.connect_restarted,
            self.connector_paused,
            self.broker_restarted,
            self.sends_refused,
            self.read_store_stopped,
            self.connections_cut,
            self.primary_restarted,
            *losses.kinds,
        ]

    def run(self, count: int) -> None:
        """Make so many faults: each kind once before any comes again."""
        kinds: list[Callable[[], None]] = []
        for _ in range(count):
            if not kinds:
                kinds = self.chance.sample(self.kinds, len(self.kinds))
            fault = kinds.pop()
            until(self._read_store_answers, 60, "the read store")
            if fault in self.of_a_capture:
                caught_up.wait(self.settings, timeout=300)
            self.busy()
            self.in_flight[fault.__name__] += self._rows_are_in_flight()
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
        kill(self._worker())

    def worker_killed_in_a_send(self) -> None:
        """Kill workers while the broker holds still: it gets a part of what they were sending.

        What it has in its buffers it takes up when it goes on; the rest was never sent.
        """
        for _ in range(SENDS):
            self.busy()
            broker = self.supervisor.states()["kafka"].pid
            os.kill(broker, signal.SIGSTOP)
            try:
                for pid in until(self.supervisor.worker_pids, 60, "a worker"):
                    kill(pid)
            finally:
                os.kill(broker, signal.SIGCONT)

    def worker_paused(self) -> None:
        """Stop a worker until its session is over and others took its place, then wake it."""
        until(lambda: self._members() == self._workers(), 120, "every worker in the group")
        members, pid = self._workers(), self._worker()
        signal_all(pid, signal.SIGSTOP)
        try:
            self.busy()
            until(
                lambda: self._members() < members,
                SESSION_TIMEOUT_SECONDS * 5,
                "the end of a paused worker's session",
            )
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
        kill(self.supervisor.states()["connect"].pid)

    def connector_paused(self) -> None:
        """Pause the connector while the primary is busy; Connect may be on its way up still."""
        own = until(self._running_capture, 180, "a connector that runs")
        registration.pause(own)
        self.busy()
        registration.resume(own)

    def broker_restarted(self) -> None:
        """Stop the broker for AWAY_SECONDS at least, while rows are written."""
        self.supervisor.stop("kafka")
        back = monotonic() + AWAY_SECONDS
        self.busy()
        until(lambda: monotonic() >= back, AWAY_SECONDS + 1, "the time to start it again")
        self.supervisor.start("kafka")

    def sends_refused(self) -> None:
        """Lower what the broker takes of the steps, as by a slip of the hand, and put it back.

        What they send then fails as nothing else here does, the broker being there: all of it,
        or a part, so that a state is kept whose outputs are not, or the other way round. It is
        over when a worker has given up, or takes it as done.
        """
        with kafka_admin(self.settings) as admin:
            topics = topics_of(self.settings, self._serving())
            states = changelogs(self.settings, topics)
            outputs = (topics.rows, topics.facts, *topics.public)
            names = self.chance.choice([states, outputs, (*states, *outputs)])
            kind = ConfigResourceType.TOPIC
            before = admin.describe_configs([ConfigResource(kind, name) for name in names])["topic"]
            admin.alter_configs([ConfigResource(kind, name, {LIMIT: "1"}) for name in names])
            try:
                there = self._worker_pids()
                self.busy()
                written = parse_lsn(caught_up.current_lsn(self.settings))
                until(
                    lambda: there - self._worker_pids() or self._served() >= written,
                    120,
                    "the end of a worker whose sends are refused",
                )
            finally:
                admin.alter_configs(
                    [
                        ConfigResource(kind, name, {LIMIT: before[name][LIMIT]["value"]})
                        for name in names
                    ]
                )

    def primary_restarted(self) -> None:
        """Stop the primary for a moment, and start it again."""
        self.supervisor.stop("primary")
        self.supervisor.start("primary")
        until(self._primary_answers, 60, "the primary")

    def read_store_stopped(self) -> None:
        """Stop the read store for a while."""
        self.supervisor.stop("read-store")
        self.busy()
        self.supervisor.start("read-store")

    def connections_cut(self) -> None:
        """Cut every connection to the read store, and Debezium's to the primary."""
        until(self._read_store_answers, 60, "the read store")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with psycopg.connect(self.settings.need("read_store_dsn"), autocommit=True) as connection:
            connection.execute(cut + " AND datname = current_database()")
        with psycopg.connect(self.settings.need("source_dsn"), autocommit=True) as connection:
            connection.execute(cut + " AND usename = %s", [self.settings.capture_user])

    def _worker(self) -> int:
        """Return the pid of a worker that the supervisor runs; wait for one that is starting."""
        return self.chance.choice(until(self.supervisor.worker_pids, 60, "a worker"))

    def _read_store_answers(self) -> bool:
        return _answers(self.settings.need("read_store_dsn"))

    def _primary_answers(self) -> bool:
        return _answers(self.settings.need("source_dsn"))

    def _running_capture(self) -> Settings | None:
        """Return the settings of the capture that feeds what serves, once it runs."""
        try:
            own = serving_settings(self.settings)
            registration.wait_running(own)
        except (ConnectorError, psycopg.OperationalError):
            return None
        return own

    def _rows_are_in_flight(self) -> bool:
        """Tell whether something is written that is not served yet, or nothing can be served."""
        try:
            served = self._served()
        except psycopg.OperationalError:
            return True
        return served < parse_lsn(caught_up.current_lsn(self.settings))

    def _served(self) -> int:
        """Return up to which LSN everything is served."""
        with psycopg.connect(self.settings.need("read_store_dsn")) as connection:
            row = connection.execute("SELECT lsn::text FROM tonnage.freshness").fetchone()
        return parse_lsn(row[0]) if row and row[0] else 0

    def _serving(self) -> int:
        """Return the number of the generation that serves."""
        with psycopg.connect(self.settings.need("read_store_dsn")) as connection:
            generation = serving(connection)
        assert generation is not None
        return generation.number

    def _workers(self) -> int:
        return len(self._worker_pids())

    def _worker_pids(self) -> set[int]:
        """Return who runs: a guest that found no read store has ended, and nobody starts it."""
        guests = {guest.pid for guest in self.guests if guest.poll() is None}
        return guests.union(self.supervisor.worker_pids())

    def _members(self) -> int:
        """Return how many workers the broker thinks there are; it may be on its way up still."""
        port = int(self.settings.need("bootstrap_servers").rpartition(":")[2])
        until(lambda: not is_free(port), 60, "the broker")
        group = topics_of(self.settings, self._serving()).group
        with kafka_admin(self.settings) as admin:
            return len(admin.describe_groups([group])[group]["members"])

    def _without_worker(self, act: Callable[[], object]) -> None:
        """Do something while none of the supervisor's workers runs."""
        names = [name for name in self.supervisor.states() if name.startswith("worker_")]
        for pid in self.supervisor.worker_pids():
            kill(pid)
        for name in names:
            self.supervisor.stop(name)
        act()
        for name in names:
            self.supervisor.start(name)


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
