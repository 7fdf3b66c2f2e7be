"""A thousand clients of `live` on one API process: each hears each change, soon."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Iterator
from statistics import median, quantiles
from time import monotonic

import psutil
import pytest

from infra.home import Home
from infra.stack import status
from stream.settings import Settings
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

pytestmark = [pytest.mark.stack, pytest.mark.anyio]

CLIENTS = 1000
AT_ONCE = 50
CHANGES = 3
MOST_BYTES = 64 * 1024
"""Of the API's memory, for each client."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sockets() -> Iterator[None]:
    """As many sockets as this process may have, for as long as a test runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Client:
    """One connection, and when it has heard of which volume."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def heard(self, text: bytes) -> float:
        """Return when a text has come."""
        async with asyncio.timeout(60):
            while text not in await self.reader.readuntil(b"\n"):
                pass
        return monotonic()


@contextlib.asynccontextmanager
async def clients(settings: Settings, user: int) -> AsyncIterator[list[Client]]:
    """Open all connections, and wait until each is ready."""
    host, port = settings.need("api_url").removeprefix("http://").split(":")
    request = (
        f"GET /v1/users/{user}/live HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {settings.need('api_admin_token')}\r\n\r\n"
    ).encode()
    turn = asyncio.Semaphore(AT_ONCE)
    opened: list[Client] = []

    async def connect() -> None:
        async with turn:
            client = Client(*await asyncio.open_connection(host, int(port)))
            opened.append(client)
            client.writer.write(request)
            await client.heard(b"event: ready")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(connect())
        yield opened
    finally:
        for each in opened:
            each.writer.close()


def api_process(settings: Settings) -> psutil.Process:
    (pid,) = [each.pid for each in status(Home.at(settings.home)) if each.name == "api"]
    assert pid is not None
    return psutil.Process(pid)


@pytest.mark.usefixtures("sockets")
async def test_a_thousand_clients_hear_each_change(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    process = api_process(pipeline.settings)
    before, delays = process.memory_info().rss, list[float]()
    async with clients(pipeline.settings, settled.user) as opened:
        connected = process.memory_info().rss
        for change in range(1, CHANGES + 1):
            volume = 1000 * change
            listening = [
                asyncio.create_task(each.heard(b'"total_volume":%d,' % volume)) for each in opened
            ]
            app.run(
                f"UPDATE workouts_performedexercise SET reps_per_set = '[{10 * change}]',"
                f" weights_per_set = '[100]' WHERE id = {settled.next_squats}"
            )
            written = monotonic()
            delays += [when - written for when in await asyncio.gather(*listening)]
        after = process.memory_info().rss
    p99 = quantiles(delays, n=100)[98]
    print(
        f"{CLIENTS} clients: {before / 2**20:.0f} MiB before, {connected / 2**20:.0f} connected,"
        f" {after / 2**20:.0f} after {CHANGES} changes; from the commit to a client"
        f" p50 {1000 * median(delays):.0f} ms, p99 {1000 * p99:.0f} ms"
    )
    assert len(delays) == CLIENTS * CHANGES
    assert (after - before) / CLIENTS < MOST_BYTES
    assert p99 < 20
