"""The read store as the API sees it: statements on a pool of connections that only read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import LiteralString, TypeVar

from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.queries import FRESHNESS, Found, Query

Row = TypeVar("Row")

_POLL_SECONDS = 0.02
_SHUTDOWN = "57P"


class Store:
    """Runs the API's statements. Raises psycopg's OperationalError while the read store is down."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[tuple[str]]]) -> None:
        self._pool = pool

    async def fetch(self, query: Query[Row], arguments: Mapping[str, object]) -> Found[Row]:
        """Run a statement; one that meets a connection lost since its last use runs again."""
        try:
            return await self._fetch(query, arguments)
        except PoolTimeout:
            raise
        except OperationalError as error:
            if error.sqlstate is not None and not error.sqlstate.startswith(_SHUTDOWN):
                raise
            await self._pool.check()
            return await self._fetch(query, arguments)

    async def wait_until_includes(self, lsn: int, seconds: float) -> None:
        """Wait until the frontier has passed a position of the source, or the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            freshness = (await self.fetch(FRESHNESS, {})).freshness
            if (freshness is not None and freshness.includes(lsn)) or loop.time() >= deadline:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _fetch(self, query: Query[Row], arguments: Mapping[str, object]) -> Found[Row]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query.sql, arguments, prepare=True)
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - every statement answers one JSON text
        return query.decode(row[0])


@asynccontextmanager
async def open_store(dsn: str, *, connections: int = 10) -> AsyncIterator[Store]:
    """Open a pool that connects by itself, now or as soon as the read store is there."""
    pool: AsyncConnectionPool[AsyncConnection[tuple[str]]] = AsyncConnectionPool(
        dsn,
        min_size=2,
        max_size=connections,
        timeout=3,
        reconnect_timeout=5,
        open=False,
        name="api",
        configure=_configure,
        kwargs={"autocommit": True, "application_name": "tonnage-api", "connect_timeout": 5},
    )
    async with pool:
        yield Store(pool)


_SESSION: tuple[LiteralString, ...] = (
    "SET timezone = 'UTC'",
    "SET default_transaction_read_only = on",
    "SET statement_timeout = '10s'",
)


async def _configure(connection: AsyncConnection[tuple[str]]) -> None:
    for setting in _SESSION:
        await connection.execute(setting)
