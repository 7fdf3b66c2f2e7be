"""Where benchmarks run: local stacks of their own, in folders that are thrown away."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic

import httpx
import psycopg
from tenacity import Retrying, retry_if_exception_type, retry_if_result
from tenacity.stop import stop_after_delay
from tenacity.wait import wait_fixed

from infra import ports
from infra.bench.population import Population, Rows, settle
from infra.blueprint import KINDS, SERVERS
from infra.home import Home
from infra.primary import create_app_tables
from infra.services.part import NotReady
from infra.services.postgres import PRIMARY, Server
from infra.stack import down, up
from infra.supervision import Supervisor
from stream.settings import PREFIX, Settings, load_settings

POLL_SECONDS = 0.02
PATIENCE_SECONDS = 900

DATABASES = ("primary", "read-store", "kafka")
"""What holds data; without Kafka Connect nothing is captured."""
CAPTURE = SERVERS
ALL = KINDS


def until(reached: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until something holds and return the monotonic time at which it was seen to."""
    Retrying(
        wait=wait_fixed(POLL_SECONDS),
        stop=stop_after_delay(seconds),
        retry=retry_if_result(lambda done: not done),
    )(reached)
    return monotonic()


@dataclass
class Stage:
    """A local stack, and the rows that its primary was given."""

    home: Home
    settings: Settings
    population: Population
    rows: Rows
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.home)

    def up(self, kinds: Collection[str], workers: int = 1) -> None:
        """Start more parts of it, and wait until they are ready."""
        up(self.home, kinds, workers)
        self.settings = load_settings(home=self.home.root)

    def primary(self) -> psycopg.Connection:
        """Connect to the primary."""
        return psycopg.connect(self.settings.need("source_dsn"), autocommit=True)

    def read_store(self) -> psycopg.Connection:
        """Connect to the read store."""
        return psycopg.connect(self.settings.need("read_store_dsn"), autocommit=True)

    def api(self) -> httpx.Client:
        """Connect to the API as an administrator."""
        token = self.settings.need("api_admin_token")
        return httpx.Client(
            base_url=self.settings.need("api_url"),
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )


def clear_environment() -> None:
    """Forget settings that name other servers: a benchmark fills its primary with made rows."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


@contextmanager
def stage(population: Population) -> Iterator[Stage]:
    """Start the databases of a new stack and fill its primary; nothing is captured yet."""
    with _home() as home:
        up(home, DATABASES)
        settings = load_settings(home=home.root)
        rows = settle(settings.need("source_dsn"), population)
        yield Stage(home, settings, population, rows)


@contextmanager
def plain_primary(population: Population) -> Iterator[str]:
    """Start a primary with nothing attached, as an app has it by default; give its URL."""
    with _home() as home:
        home.make()
        port = ports.choose("plain", None, 0, None)
        options = {**PRIMARY, "wal_level": "replica"}
        server = Server("plain", home.data / "plain", port, token_urlsafe(), "workouts", options)
        part, supervisor = server.part(), Supervisor(home)
        supervisor.know([part])
        part.prepare()
        supervisor.start(part.name)
        Retrying(
            wait=wait_fixed(POLL_SECONDS),
            stop=stop_after_delay(part.ready_seconds),
            retry=retry_if_exception_type(NotReady),
        )(part.probe)
        create_app_tables(server.dsn)
        settle(server.dsn, population)
        yield server.dsn


@contextmanager
def _home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="tonnage-bench-"))
    home = Home.at(folder)
    try:
        yield home
    finally:
        down(home, purge=True)
        shutil.rmtree(folder, ignore_errors=True)
