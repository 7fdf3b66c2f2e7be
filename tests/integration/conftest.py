"""A real PostgreSQL as read store, and the API over it on a real socket."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import uvicorn
from psycopg.types.json import Jsonb
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from api.app import Application
from api.heads import LimitedHeads
from api.security import make_token
from connectors import capture, registration
from infra.ports import choose
from infra.services.part import NotReady
from infra.services.postgres import READ_STORE, Server
from stream.first import ensure_first
from stream.settings import Settings, load_settings
from stream.topics import ensure_topics
from tests.integration.capturing import TABLES, Primary, names, remove, variant

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # Wednesday of 2026-W47
SECRET = "a secret of the tests that is long enough for HS256"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class ReadStore:
    """A read store of its own database, and what a sink would write into it."""

    dsn: str
    connection: psycopg.Connection[tuple[Any, ...]] = field(repr=False)

    def insert(self, table: str, **values: object) -> None:
        """Put a row into a table of generation 1."""
        adapted = {
            name: Jsonb(value) if isinstance(value, dict | list) else value
            for name, value in {"version": 1, **values}.items()
        }
        names = ", ".join(adapted)
        holes = ", ".join(f"%({name})s" for name in adapted)
        self.execute(f"INSERT INTO tonnage_g1.{table} ({names}) VALUES ({holes})", adapted)

    def week(self, user_id: int, year: int, week: int, **values: object) -> None:
        """Put a user's week."""
        times = {"created_at": CREATED, "updated_at": CREATED}
        self.insert("weekly_stats", user_id=user_id, year=year, week=week, **(times | values))

    def frontier(self, lsn: str, source_time: datetime, generation: int = 1) -> None:
        """Move the frontier of a generation."""
        self.execute(
            "INSERT INTO tonnage.frontier (generation, lsn, source_time) VALUES (%s, %s, %s)"
            " ON CONFLICT (generation) DO UPDATE SET lsn = excluded.lsn,"
            " source_time = excluded.source_time",
            [generation, lsn, source_time],
        )

    def execute(self, statement: str, values: Any = None) -> None:
        """Run any statement."""
        self.connection.execute(statement.encode(), values)

    def clear(self) -> None:
        """Leave one serving generation, fresh as of NOW, and no rows."""
        self.execute(
            "TRUNCATE tonnage_g1.weekly_stats, tonnage_g1.workouts, tonnage_g1.exercises,"
            " tonnage_g1.personal_records, tonnage_g1.quarantine, tonnage.incident,"
            " tonnage.generation CASCADE"
        )
        self.execute(
            "INSERT INTO tonnage.generation (number, state, built_from) VALUES (1, 'serving', '{}')"
        )
        self.frontier("0/16B6C50", NOW)


@dataclass
class Api:
    """The running API, as its clients see it."""

    http: httpx.Client
    settings: Settings
    now: datetime = NOW

    def get(
        self, path: str, user: int = 1, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Ask as a user."""
        bearer = {"Authorization": f"Bearer {make_token(self.settings, user)}"}
        return self.http.get(path, headers=bearer | dict(headers or {}))

    def data(self, path: str, user: int = 1) -> dict[str, Any]:
        """Ask as a user for what must be answered; `meta` is left out."""
        response = self.get(path, user)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        del answer["meta"]
        return answer


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of these tests alone."""
    options = READ_STORE | {"fsync": "off"}
    port = choose("PostgreSQL", None, 0, None)
    # Not in pytest's folders: it closes them to others, and the server runs as another user.
    with TemporaryDirectory(prefix="tonnage-") as home:
        Path(home).chmod(0o755)
        server = Server("read-store", Path(home) / "data", port, "secret", "tonnage", options)
        with running(server):
            yield server


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Run a PostgreSQL server."""
    part = server.part()
    part.prepare()
    groups: list[int] | None = [] if part.user else None
    with subprocess.Popen(
        part.command, user=part.user, extra_groups=groups, cwd="/", stderr=subprocess.DEVNULL
    ) as process:
        try:
            _ready(server)
            yield
        finally:
            process.send_signal(2)
            process.wait(30)


@retry(
    retry=retry_if_exception_type(NotReady),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(30),
    reraise=True,
)
def _ready(server: Server) -> None:
    server.part().probe()


@pytest.fixture(scope="session")
def database(postgres: Server, api_home: Path) -> Iterator[ReadStore]:
    """A database with the tables of the read store."""
    dsn = f"{postgres.dsn.rsplit('/', 1)[0]}/t{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {dsn.rsplit('/', 1)[1]}".encode())
    settings = load_settings(home=api_home, read_store_dsn=dsn)
    prepare_read_store(settings)
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield ReadStore(dsn, connection)


@pytest.fixture
def empty(postgres: Server, api_home: Path) -> Iterator[Settings]:
    """A read store in which nothing is made yet."""
    name = f"t{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        dsn = f"{postgres.dsn.rpartition('/')[0]}/{name}"
        yield load_settings(home=api_home, read_store_dsn=dsn)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def prepare_read_store(settings: Settings) -> None:
    """Make the tables, and let generation 1 serve."""
    ensure_first(settings)


@pytest.fixture
def read_store(database: ReadStore) -> ReadStore:
    """An empty read store, fresh as of NOW."""
    database.clear()
    return database


@contextmanager
def serving(settings: Settings) -> Iterator[Api]:
    """Serve the API on a free port, by the clock of the yielded object."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        httpx.Client(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30, trust_env=False
        ) as http,
    ):
        api = Api(http, settings)
        application = Application(settings, clock=lambda: api.now)
        config = uvicorn.Config(
            application.asgi, http=LimitedHeads, ws="none", lifespan="on", log_level="critical"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield api
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def api_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without a stack, so that no other stack's file is read."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def served(database: ReadStore, api_home: Path) -> Iterator[Api]:
    """The API over the tests' read store."""
    settings = load_settings(
        home=api_home,
        read_store_dsn=database.dsn,
        jwt_secret=SECRET,
        min_lsn_wait_seconds=0.3,
    )
    with serving(settings) as api:
        yield api


@pytest.fixture
def api(served: Api, read_store: ReadStore) -> Api:
    """The API over an empty read store, at NOW."""
    del read_store
    served.now = NOW
    return served


@pytest.fixture(scope="module")
def gym(stack: Settings) -> Settings:
    """Settings of an app whose tables have other names, and of a capture of its own."""
    return variant(
        stack,
        source_schema="gym",
        workout_table="sessions",
        performed_table="performed",
        columns={"workout.user_id": "athlete"},
        **names("gym"),
    )


@pytest.fixture(scope="module")
def primary(gym: Settings) -> Iterator[Primary]:
    with psycopg.connect(gym.need("source_dsn"), autocommit=True) as connection:
        connection.execute(TABLES)
        yield connection


@pytest.fixture(scope="module")
def captured(gym: Settings, primary: Primary) -> Iterator[Settings]:
    """The capture, running."""
    capture.prepare(gym)
    ensure_topics(gym)
    registration.apply(gym)
    registration.wait_running(gym)
    yield gym
    remove(gym, primary)


@pytest.fixture
def other(gym: Settings, primary: Primary) -> Iterator[Settings]:
    """Settings of one more capture, for what goes wrong."""
    settings = variant(gym, **names("other"))
    capture.prepare(settings)
    ensure_topics(settings)
    yield settings
    remove(settings, primary)
