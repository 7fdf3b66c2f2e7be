"""The sink on a real read store: guarded by version, published as accepted, patient."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infra.bench.peers.unpublished import Unpublished
from stream.engine.runner import InterruptedRunError
from stream.first import ensure_first
from stream.names import Topics
from stream.publisher import Offsets
from stream.settings import Settings, load_settings
from stream.sink import SetBackError, Sink, Standing, connections
from stream.steps.step import Record
from stream.topology import topics_of
from stream.upserts import Row
from tests.integration.engine.harness import until

pytestmark = pytest.mark.stack


class Published(Unpublished):
    """Keeps what would be published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None, int]] = []

    async def publish(
        self, epoch: int | None, before: Offsets, accepted: Mapping[str, Iterable[Row]]
    ) -> None:
        """Keep topic, name and version."""
        del before
        if epoch is not None:
            for topic, rows in accepted.items():
                self.sent += [(topic, name_of(row), row.version) for row in rows]


def name_of(row: Row) -> str | None:
    return None if row.value is None else json.loads(row.value)["name"]


@dataclass
class Store:
    """A read store of the test's own."""

    dsn: str
    server: str
    topics: Topics
    published: Published = field(default_factory=Published)

    @asynccontextmanager
    async def sink(self, kind: type[Sink] = Sink) -> AsyncIterator[Sink]:
        """Open a sink over it."""
        async with connections(self.dsn) as pool:
            yield kind(self.topics, pool, self.published)

    def exercise(self, offset: int, name: str | None, version: int) -> Record:
        """Say that exercise 7 is so; None says that it is gone."""
        value = {"exercise_id": 7, "name": name, "muscle_group": "legs", "owner_id": None}
        return Record(
            self.topics.exercises,
            offset,
            b'{"exercise_id":7}',
            None if name is None else json.dumps(value).encode(),
            0,
            (("version", b"%d" % version),),
        )

    def names(self) -> list[str]:
        """Return the exercises that a reader sees."""
        with psycopg.connect(self.dsn) as connection:
            found = connection.execute("SELECT name FROM public.exercises").fetchall()
        return [name for (name,) in found]

    def admit(self, *, admitted: bool) -> None:
        """Let connections in, or end them all and let none in."""
        name = self.dsn.rsplit("/", 1)[1]
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {admitted}".encode())
            if not admitted:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = %s",
                    [name],
                )


@pytest.fixture
def store(stack: Settings) -> Iterator[Store]:
    server = stack.need("read_store_dsn")
    name = f"sink_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        settings = load_settings(
            home=stack.home, read_store_dsn=f"{server.rsplit('/', 1)[0]}/{name}"
        )
        topics = topics_of(settings, ensure_first(settings).number)
        yield Store(settings.need("read_store_dsn"), server, topics)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


Scenario = Callable[[Sink], Coroutine[Any, Any, None]]


def run(store: Store, scenario: Scenario) -> None:
    async def opened() -> None:
        async with store.sink() as sink:
            await scenario(sink)

    asyncio.run(opened())


def test_rows_and_positions_are_written_together_and_published(store: Store) -> None:
    async def scenario(sink: Sink) -> None:
        await sink.run({3: [store.exercise(10, "Squat", 1), store.exercise(11, "Squats", 2)]})
        assert store.names() == ["Squats"]
        assert await sink.kept() == {(store.topics.exercises, 3): 12}

    run(store, scenario)
    assert store.published.sent == [(store.topics.exercises, "Squats", 2)]


def test_a_lower_version_is_refused_and_not_published(store: Store) -> None:
    async def scenario(sink: Sink) -> None:
        await sink.run({3: [store.exercise(10, "new", 5)]})
        await sink.run({3: [store.exercise(11, "late", 4)]})
        assert store.names() == ["new"]
        assert await sink.kept() == {(store.topics.exercises, 3): 12}

    run(store, scenario)
    assert [name for _, name, _ in store.published.sent] == ["new"]


def test_an_equal_version_is_published_again(store: Store) -> None:
    async def scenario(sink: Sink) -> None:
        await sink.run({3: [store.exercise(10, "new", 5)]})
        await sink.run({3: [store.exercise(10, "new", 5)]})

    run(store, scenario)
    assert store.published.sent == [(store.topics.exercises, "new", 5)] * 2


def test_what_is_gone_is_not_revived_by_a_late_writer(store: Store) -> None:
    async def scenario(sink: Sink) -> None:
        await sink.run({3: [store.exercise(10, "new", 5)]})
        await sink.run({3: [store.exercise(11, None, 6)]})
        await sink.run({3: [store.exercise(12, "late", 4)]})

    run(store, scenario)
    assert store.names() == []
    assert [name for _, name, _ in store.published.sent] == ["new", None]


def test_a_generation_that_does_not_serve_publishes_nothing(store: Store) -> None:
    async def scenario(sink: Sink) -> None:
        with psycopg.connect(store.dsn) as connection:
            connection.execute("UPDATE tonnage.generation SET state = 'kept'")
        await sink.run({3: [store.exercise(10, "new", 5)]})

    run(store, scenario)
    assert store.names() == ["new"]
    assert store.published.sent == []


def test_a_read_store_that_was_set_back_is_not_written_on(store: Store) -> None:
    async def scenario(sink: Sink) -> None:
        await sink.run({3: [store.exercise(10, "new", 5)]})
        with psycopg.connect(store.dsn) as connection:
            connection.execute(f"DELETE FROM {store.topics.schema}.position".encode())
        with pytest.raises(SetBackError, match="set back"):
            await sink.run({3: [store.exercise(11, "newer", 6)]})
        assert await sink.kept() == {}

    run(store, scenario)


def test_a_read_store_that_is_away_is_waited_for(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(sink: Sink) -> None:
        store.admit(admitted=False)
        writing = asyncio.ensure_future(sink.run({3: [store.exercise(10, "new", 5)]}))
        await until(lambda: "does not take a batch" in caplog.text, "a sink that waits")
        assert not writing.done()
        store.admit(admitted=True)
        await writing

    run(store, scenario)
    assert store.names() == ["new"]
    assert [name for _, name, _ in store.published.sent] == ["new"]


def test_a_read_store_that_is_full_is_waited_for(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    table = f"{store.topics.schema}.exercises"
    refuse = "FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END'"
    trigger = f"TRIGGER is_full BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()"

    async def scenario(sink: Sink) -> None:
        with psycopg.connect(store.dsn, autocommit=True) as admin:
            admin.execute(f"CREATE {refuse}; CREATE {trigger}".encode())
            writing = asyncio.ensure_future(sink.run({3: [store.exercise(10, "new", 5)]}))
            await until(lambda: "does not take a batch" in caplog.text, "a sink that waits")
            assert not writing.done()
            admin.execute(f"DROP TRIGGER is_full ON {table}".encode())
        await writing

    run(store, scenario)
    assert store.names() == ["new"]


def test_a_rebalance_does_not_wait_for_a_read_store_that_is_away(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(sink: Sink) -> None:
        store.admit(admitted=False)
        writing = asyncio.ensure_future(sink.run({3: [store.exercise(10, "new", 5)]}))
        await until(lambda: "does not take a batch" in caplog.text, "a sink that waits")
        sink.interrupt()
        with pytest.raises(InterruptedRunError):
            await writing
        store.admit(admitted=True)

    run(store, scenario)
    assert store.published.sent == []


class Paused(Sink):
    """A sink whose worker stands still once, when the read store has its batch."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pauses = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def _write(
        self, newest: dict[str, list[Row]], positions: dict[tuple[str, int], int]
    ) -> tuple[Standing, dict[str, list[Row]]]:
        written = await super()._write(newest, positions)
        self.pauses.set()
        await self.goes_on.wait()
        return written


def test_a_paused_worker_holds_back_no_other(store: Store) -> None:
    async def scenario() -> None:
        async with store.sink(Paused) as paused, store.sink() as successor:
            assert isinstance(paused, Paused)
            late = asyncio.ensure_future(paused.run({3: [store.exercise(10, "late", 5)]}))
            await paused.pauses.wait()
            await asyncio.wait_for(successor.run({3: [store.exercise(11, "new", 6)]}), 30)
            assert [name for _, name, _ in store.published.sent] == ["new"]
            paused.goes_on.set()
            await late

    asyncio.run(scenario())
    assert store.names() == ["new"]
