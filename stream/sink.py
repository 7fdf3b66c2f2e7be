"""sink: the output topics → the read store, then the public topics.

A batch's rows and positions are one transaction. What the read store refuses, since it holds
a higher version, is not published either: so a late writer never reaches a consumer. A crash
between the two has the batch written and published again, at the same versions.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from stream.cdc.lsn import format_lsn
from stream.domain.weeks import from_epoch_us
from stream.engine.frontier import SourcePoint
from stream.engine.outbox import VERSION_HEADER, Outbox, Outgoing
from stream.engine.runner import Fetched, InterruptedRunError, halves
from stream.incidents import OPEN, Incident
from stream.names import Topics
from stream.notices import CHANNEL, notices
from stream.steps.step import Record

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
PAUSE_SECONDS = 5

_decode_key = msgspec.json.Decoder(dict[str, str | int]).decode
_version_header = VERSION_HEADER


class Row(NamedTuple):
    """The newest message of a key in a batch."""

    partition: int
    key: bytes
    value: bytes | None
    version: int


Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Connections = AsyncConnectionPool[Connection]

AWAY = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout, PoolTimeout)
"""What passes: the read store can't be reached, or has given up on a worker that was paused."""


def connections(dsn: str) -> Connections:
    """Make the pool with which a worker writes to the read store.

    A worker that is paused amid a transaction would keep its rows locked, and whoever takes its
    partitions over would wait for as long as it is paused.
    """

    async def release_soon(connection: Connection) -> None:
        await connection.execute(
            f"SET idle_in_transaction_session_timeout = '{PAUSE_SECONDS}s'".encode()
        )
        await connection.commit()

    return AsyncConnectionPool(
        dsn, min_size=1, max_size=2, timeout=5.0, open=False, configure=release_soon
    )


def statements(schema: str) -> dict[str, bytes]:
    """Return the sink's statements by name, for the tables of a generation."""
    text = resources.files("stream").joinpath("sql", "sink.sql").read_text()
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    named = zip(parts[1::2], parts[2::2], strict=True)
    return {name: body.strip().replace("{schema}", schema).encode() for name, body in named}


class Sink:
    """Writes a generation's outputs to its tables, and publishes them while it serves."""

    name = "sink"

    def __init__(self, topics: Topics, pool: Connections, outbox: Outbox) -> None:
        self._names = topics
        self._pool = pool
        self._outbox = outbox
        self._statements = statements(topics.schema)
        self._tables = {
            topics.weekly_stats: "weekly_stats",
            topics.workouts: "workouts",
            topics.exercises: "exercises",
            topics.records: "personal_records",
            topics.quarantine: "quarantine",
        }
        self._interrupted = asyncio.Event()
        self.topics: tuple[str, ...] = tuple(self._tables)

    async def kept(self) -> dict[tuple[str, int], int]:
        """Return up to where the read store has each output; it may have been set back."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                f"SELECT topic, partition, next_offset FROM {self._names.schema}.position".encode()  # noqa: S608 - our schema
            )
            return {
                (topic, partition): next_offset
                for topic, partition, next_offset in await cursor.fetchall()
            }

    async def store_frontier(self, point: SourcePoint) -> None:
        """Say up to where the source is served; it never goes back."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "INSERT INTO tonnage.frontier AS held (generation, lsn, source_time)"
                " VALUES (%s, %s, %s) ON CONFLICT (generation) DO UPDATE"
                " SET lsn = EXCLUDED.lsn, source_time = EXCLUDED.source_time, updated_at = now()"
                " WHERE held.lsn < EXCLUDED.lsn",
                [self._names.generation, format_lsn(point.lsn), from_epoch_us(point.time_us)],
            )

    async def open_incident(self, kind: Incident, detail: str) -> None:
        """Mark every answer stale, and say why."""
        async with self._pool.connection() as connection:
            await connection.execute(OPEN, [kind, detail])

    async def idle(self) -> None:
        """Do nothing: what is written is written."""

    def interrupt(self) -> None:
        """Stop waiting for a read store that does not answer."""
        self._interrupted.set()

    async def run(self, batch: Fetched) -> None:
        """Write a batch, then publish what was accepted; waits while the read store is away.

        Where PostgreSQL refuses a value, the batch is halved until the message is found; that
        one is left out, openly, so that the others go on.
        """
        self._interrupted.clear()
        try:
            accepted = await self._write_until_done(_newest(batch), _next_offsets(batch))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if sum(map(len, batch.values())) > 1:
                for half in halves(batch):
                    await self.run(half)
                return
            [(partition, [record])] = batch.items()
            log.exception("the read store refuses %s-%d", record.topic, partition)
            where = f"{record.topic}-{partition} at {record.offset}"
            await self.open_incident(Incident.POISON, f"{where}: {error}")
            accepted = await self._write_until_done({}, _next_offsets(batch))
        await self._outbox.send(accepted)

    async def _write_until_done(
        self, newest: dict[str, list[Row]], positions: dict[tuple[str, int], int]
    ) -> list[Outgoing]:
        while True:
            try:
                return await self._write(newest, positions)
            except AWAY as error:
                log.warning("the read store does not take a batch, trying again: %s", error)
            try:
                await asyncio.wait_for(self._interrupted.wait(), RETRY_SECONDS)
            except TimeoutError:
                continue
            raise InterruptedRunError

    async def _write(
        self, newest: dict[str, list[Row]], positions: dict[tuple[str, int], int]
    ) -> list[Outgoing]:
        outgoing: list[Outgoing] = []
        async with self._pool.connection() as connection, connection.transaction():
            epoch = await self._serving_epoch(connection)
            for topic, rows in newest.items():
                accepted = await self._upsert(connection, self._tables[topic], rows)
                if epoch is not None:
                    outgoing.extend(self._publication(topic, accepted, epoch))
                    if topic == self._names.weekly_stats:
                        await self._notify(connection, accepted)
            await connection.execute(
                self._statements["positions"],
                {
                    "topics": [topic for topic, _ in positions],
                    "partitions": [partition for _, partition in positions],
                    "offsets": list(positions.values()),
                },
            )
        return outgoing

    async def _notify(self, connection: Connection, weeks: list[Row]) -> None:
        """Tell who listens which weeks change with this transaction."""
        payloads = list(notices(self._names.generation, (row.key for row in weeks)))
        if payloads:
            await connection.execute(
                "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload",
                [CHANNEL, payloads],
            )

    async def _serving_epoch(self, connection: Connection) -> int | None:
        """Return the serving epoch, or None while another generation serves."""
        cursor = await connection.execute(
            "SELECT epoch FROM tonnage.generation WHERE state = 'serving' AND number = %s",
            [self._names.generation],
        )
        row = await cursor.fetchone()
        return None if row is None else int(row[0])

    async def _upsert(self, connection: Connection, table: str, rows: list[Row]) -> list[Row]:
        """Write rows and return those that the table took."""
        cursor = await connection.execute(
            self._statements[table],
            {
                "keys": [row.key.decode() for row in rows],
                "values": [None if row.value is None else row.value.decode() for row in rows],
                "versions": [row.version for row in rows],
            },
        )
        taken = set(await cursor.fetchall())
        if len(taken) == len(rows):
            return rows
        return [row for row in rows if tuple(_decode_key(row.key).values()) in taken]

    def _publication(self, topic: str, rows: list[Row], epoch: int) -> Iterator[Outgoing]:
        public = self._names.public[topic]
        for row in rows:
            version = b"%d.%d" % (epoch, row.version)
            yield Outgoing(public, row.partition, row.key, row.value, ((_version_header, version),))


def _newest(batch: Fetched) -> dict[str, list[Row]]:
    """Return, for each topic, the message of highest version of each key; later ones win ties."""
    found: dict[str, dict[bytes, Row]] = {}
    for partition, records in batch.items():
        for record in records:
            assert record.key is not None  # noqa: S101 - our own step wrote it
            version = _version(record)
            of_topic = found.setdefault(record.topic, {})
            known = of_topic.get(record.key)
            if known is None or version >= known.version:
                of_topic[record.key] = Row(partition, record.key, record.value, version)
    return {topic: list(rows.values()) for topic, rows in found.items()}


def _version(record: Record) -> int:
    return next(int(value) for name, value in record.headers if name == _version_header)


def _next_offsets(batch: Fetched) -> dict[tuple[str, int], int]:
    positions: dict[tuple[str, int], int] = {}
    for partition, records in batch.items():
        for record in records:
            positions[record.topic, partition] = record.offset + 1
    return positions
