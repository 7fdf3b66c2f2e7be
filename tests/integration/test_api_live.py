"""`live`: changed weeks as server-sent events, on a real read store and real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from api.security import make_token
from infra.bench.peers.unpublished import Unpublished
from stream.engine.outbox import VERSION_HEADER
from stream.names import Topics
from stream.notices import CHANNEL, notices, switch_notice
from stream.settings import load_settings
from stream.sink import Sink
from stream.steps.step import Record
from stream.topology import topics_of
from tests.integration.conftest import SECRET, Api, ReadStore, serving

CLIENTS = 200

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Event:
    id: str
    name: str
    data: dict[str, Any]


@dataclass
class Events:
    """The events of one client."""

    reader: asyncio.StreamReader
    status: int
    headers: bytes

    async def next(self, seconds: float = 20) -> Event:
        """Return the next event; signs of life are passed over."""
        lines: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            while (line := (await self.line()).strip()) or not lines:
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    lines[name] = value
        return Event(lines["id"], lines["event"], json.loads(lines["data"]))

    async def at(self, position: str) -> Event:
        """Return the first event of an id; what comes at least once may come before it."""
        while (event := await self.next()).id != position:
            pass
        return event

    async def line(self) -> str:
        """Return a line of the body, which comes in chunks."""
        raw = await self.reader.readuntil(b"\n")
        if raw.endswith(b"\r\n"):  # the length of a chunk, or what ends it
            return await self.line()
        return raw.decode()


@asynccontextmanager
async def live(
    api: Api, user: int = 1, last: str | None = None, ttl: int = 60
) -> AsyncIterator[Events]:
    token = make_token(api.settings, user, ttl=timedelta(seconds=ttl))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.http.base_url.port)
    lines = [f"GET /v1/users/me/live HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token}"]
    if last is not None:
        lines.append(f"Last-Event-ID: {last}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
        yield Events(reader, int(head.split()[1]), head)
    finally:
        writer.close()


@pytest.fixture
def api(database: ReadStore, read_store: ReadStore, api_home: Path) -> Iterator[Api]:
    del read_store
    settings = load_settings(
        home=api_home,
        read_store_dsn=database.dsn,
        jwt_secret=SECRET,
        live_heartbeat_seconds=0.2,
        live_max_clients=CLIENTS,
        live_send_seconds=1,
    )
    with serving(settings) as api:
        yield api


def change(read_store: ReadStore, week: int, version: int, user: int = 1, **more: Any) -> None:
    """Write a week and tell of it, in one transaction as the sink does."""
    with read_store.connection.transaction():
        read_store.execute("DELETE FROM tonnage_g1.weekly_stats WHERE user_id = %s AND week = %s",
                           [user, week])  # fmt: skip
        read_store.week(user, 2026, week, version=version, **more)
        tell(read_store, [(user, week)])


def tell(read_store: ReadStore, weeks: list[tuple[int, int]]) -> None:
    keys = [b'{"user_id":%d,"week":"2026-W%02d"}' % week for week in weeks]
    for payload in notices(1, keys):
        read_store.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


async def test_a_changed_week_comes_as_it_is(api: Api, read_store: ReadStore) -> None:
    change(read_store, 46, 5, total_volume=1)
    async with live(api) as events:
        assert b"text/event-stream" in events.headers
        ready = await events.next()
        assert (ready.id, ready.name) == ("0.5", "ready")
        assert ready.data["meta"]["stale"] is False
        change(read_store, 47, 6, total_volume=1740, workout_count=2)
        event = await events.at("0.6")
        assert event.name == "week"
        assert event.data == api.data("/v1/users/1/weeks/2026-W47")
        assert event.data["partial"]
        change(read_store, 47, 7, deleted=True)
        gone = await events.at("0.7")
        assert (gone.name, gone.data) == ("gone", {"user_id": 1, "week": "2026-W47"})


async def test_a_foreign_week_is_not_heard_of(api: Api, read_store: ReadStore) -> None:
    async with live(api, user=2) as events:
        await events.next()
        change(read_store, 46, 5, user=1)
        change(read_store, 45, 6, user=2)
        assert (await events.at("0.6")).data["user_id"] == 2


async def test_who_was_away_gets_what_changed_since(api: Api, read_store: ReadStore) -> None:
    change(read_store, 40, 5)
    async with live(api) as events:
        last = (await events.next()).id
    change(read_store, 41, 6)
    change(read_store, 42, 6)  # several weeks share a version
    change(read_store, 43, 7, deleted=True)
    async with live(api, last=last) as events:
        seen = [await events.next() for _ in range(5)]
    assert [(each.name, each.data.get("week")) for each in seen] == [
        ("week", "2026-W40"),  # at least once
        ("week", "2026-W41"),
        ("week", "2026-W42"),
        ("gone", "2026-W43"),
        ("ready", None),
    ]
    async with live(api, last=seen[1].id) as events:
        assert (await events.next()).data["week"] == "2026-W41"
        assert (await events.next()).data["week"] == "2026-W42"


@pytest.mark.parametrize("last", ["9.5", "0", "x", "0.99999999999999999999"])
async def test_an_id_of_another_epoch_starts_anew(
    api: Api, read_store: ReadStore, last: str
) -> None:
    change(read_store, 40, 5)
    async with live(api, last=last) as events:
        event = await events.next()
        assert (event.id, event.name) == ("0.5", "reset")


async def test_a_switch_of_generations_is_told(api: Api, read_store: ReadStore) -> None:
    async with live(api) as events:
        await events.next()
        read_store.execute("UPDATE tonnage.generation SET epoch = 4")
        read_store.execute("SELECT pg_notify(%s, %s)", [CHANNEL, switch_notice(1)])
        assert (await events.at("4.0")).name == "reset"


async def test_a_listener_cut_off_misses_nothing(api: Api, read_store: ReadStore) -> None:
    async with live(api) as events:
        await events.next()
        read_store.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tonnage-api-live'"
        )
        change(read_store, 40, 5)
        names = []
        while "week" not in names:
            names.append((await events.next()).name)


async def test_silence_is_filled_with_signs_of_life(api: Api) -> None:
    async with live(api) as events:
        await events.next()
        async with asyncio.timeout(5):
            while not (await events.line()).startswith(":"):
                pass


async def test_a_stream_ends_with_its_token(api: Api) -> None:
    async with live(api, ttl=1) as events:
        await events.next()
        async with asyncio.timeout(10):
            rest = await events.reader.readuntil(b"\r\n0\r\n\r\n")
    assert b"event: week" not in rest


async def test_a_token_is_wanted(api: Api) -> None:
    assert api.http.get("/v1/users/1/live").status_code == 401
    assert api.get("/v1/users/2/live", user=1).status_code == 404


async def test_many_clients_and_one_listener(api: Api, read_store: ReadStore) -> None:
    async with asyncio.TaskGroup() as group:
        opened = [asyncio.Event() for _ in range(CLIENTS)]
        delays = [group.create_task(follow(api, user, opened[user])) for user in range(CLIENTS)]
        for each in opened:
            async with asyncio.timeout(60):
                await each.wait()
        assert api.get("/v1/users/1/live").status_code == 503  # one too many
        (listeners,) = read_store.connection.execute(
            b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tonnage-api-live'"
        ).fetchone() or (0,)
        assert listeners == 1
        with read_store.connection.transaction():
            for user in range(CLIENTS):
                read_store.week(user, 2026, 47, version=9)
            tell(read_store, [(user, 47) for user in range(CLIENTS)])
        told = time.monotonic()
    assert max(each.result() - told for each in delays) < 20
    assert "tonnage_live_clients" in api.http.get("/metrics").text


async def follow(api: Api, user: int, opened: asyncio.Event) -> float:
    async with live(api, user=user) as events:
        assert (await events.next(60)).name == "ready"
        opened.set()
        event = await events.at("0.9")
        assert (event.name, event.data["user_id"]) == ("week", user)
        return time.monotonic()


def written(topics: Topics, week: str, version: int) -> Record:
    """Write a week as the step before the sink does."""
    key = {"user_id": 1, "week": week}
    value = {**key, "total_volume": version, "workout_count": 1}
    headers = ((VERSION_HEADER, b"%d" % version),)
    encoded = json.dumps(key).encode(), json.dumps(value).encode()
    return Record(topics.weekly_stats, version, *encoded, 0, headers)


async def test_what_the_sink_writes_is_heard(api: Api, read_store: ReadStore) -> None:
    topics = topics_of(api.settings, 1)
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(read_store.dsn, min_size=1, open=False)
    async with pool, live(api) as events:
        sink = Sink(topics, pool, Unpublished())
        await events.next()
        await sink.run({1: [written(topics, "2026-W46", 5), written(topics, "2026-W47", 6)]})
        assert (await events.at("0.5")).data["week"] == "2026-W46"
        assert (await events.at("0.6")).data["total_volume"] == 6
        await sink.run({1: [written(topics, "2026-W46", 4)]})  # a late duplicate
        await sink.run({1: [written(topics, "2026-W46", 7)]})
        assert (await events.at("0.7")).data["week"] == "2026-W46"
