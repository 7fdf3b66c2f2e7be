"""The frontier: the source LSN up to which every change is in the read store.

It comes from a chain of offsets, never from markers in the data: Kafka keeps order within a
partition alone, so a marker could overtake what it stands for.

1. Connect's stored offset names an LSN whose transactions are all in the source topics: it is
   written in the transaction that holds their records.
2. The end offsets of the source topics are taken after that, and the group's commits of the
   first step must pass them. A commit means that the outputs are acknowledged.
3. So the end offsets of the next log, taken after that, cover what follows from them; and so
   on, to the positions in the read store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

import msgspec
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.brokers import Brokers
from stream.engine.pacing import pace

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
RETRY_SECONDS = 1.0

Offsets = Mapping[tuple[str, int], int]


class SourcePoint(NamedTuple):
    """A point of the source's log: a commit's LSN, and a time that all before it is served.

    While a transaction is being read, its own time stands for the commit before it.
    """

    lsn: int
    time_us: int


class _ConnectOffset(msgspec.Struct):
    """What Debezium stores in Connect's offsets; during a snapshot `snapshot` says which."""

    lsn_commit: int | None = None
    ts_usec: int | None = None
    snapshot: str | bool | None = None


_decode = msgspec.json.Decoder(_ConnectOffset).decode


def source_point(value: bytes | None) -> SourcePoint | None:
    """Return the point that an offset record vouches for; None where it vouches for none."""
    if value is None:
        return None
    offset = _decode(value)
    if offset.snapshot or offset.lsn_commit is None or offset.ts_usec is None:
        return None
    return SourcePoint(offset.lsn_commit, offset.ts_usec)


class Frontier:
    """Follows Connect's offsets, and stores each point once everything before it is served.

    Args:
        connector: the connector's name, which its offsets are kept under.
        group: the consumer group of the steps.
        partitions: how many every topic of the flow has.
        stages: the topics that each stage reads, in the order of the flow; the last is the
            sink's.
        kept: returns the positions in the read store.
        doubts: returns what was in doubt and is over, but may not be served yet.
        store: stores a point, and that the doubts of before are served; it never goes back.
        leads: says whether this worker is the one to do it.
    """

    def __init__(
        self,
        *,
        brokers: Brokers,
        offsets_topic: str,
        connector: str,
        group: str,
        partitions: int,
        stages: Sequence[Sequence[str]],
        kept: Callable[[], Awaitable[Offsets]],
        doubts: Callable[[], Awaitable[Sequence[str]]],
        store: Callable[[SourcePoint, Sequence[str]], Awaitable[None]],
        leads: Callable[[], bool],
    ) -> None:
        self._brokers = brokers
        self._offsets_topic = offsets_topic
        self._connector = connector
        self._group = group
        self._partitions = partitions
        self._stages = stages
        self._kept = kept
        self._doubts = doubts
        self._store = store
        self._leads = leads

    async def run(self) -> None:
        """Go on until cancelled; what can't be reached is tried again."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, psycopg.OperationalError) as error:
                log.warning("the frontier can't move, trying again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        client = self._brokers.client
        async with AsyncExitStack() as stack:
            ends = AIOKafkaConsumer(**client, enable_auto_commit=False)
            stack.push_async_callback(ends.stop)  # also what could not be started has to be closed
            await ends.start()
            offsets = AIOKafkaConsumer(
                self._offsets_topic,
                **client,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
            )
            stack.push_async_callback(offsets.stop)
            pace(offsets._client)  # noqa: SLF001
            await offsets.start()
            admin = AIOKafkaAdminClient(**client)
            stack.push_async_callback(admin.close)
            await admin.start()
            reached = SourcePoint(0, 0)
            while True:
                point = await self._newest(offsets)
                if point is None or point.lsn <= reached.lsn or not self._leads():
                    continue
                over = await self._doubts()
                await self._pass(ends, admin)
                await self._store(point, over)
                reached = point

    async def _newest(self, offsets: AIOKafkaConsumer) -> SourcePoint | None:
        """Wait for Connect's offsets, and return the newest point of what came."""
        newest: SourcePoint | None = None
        for records in (await offsets.getmany(timeout_ms=1000)).values():
            for record in records:
                if msgspec.json.decode(record.key)[0] == self._connector:
                    newest = source_point(record.value) or newest
        return newest

    async def _pass(self, ends: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Wait until what is in the source topics now has passed every stage."""

        async def committed() -> Offsets:
            found = await admin.list_consumer_group_offsets(self._group)
            return {tp: meta.offset for tp, meta in found.items()}

        *steps, sink = self._stages
        for topics in steps:
            await _until_past(committed, await self._ends(ends, topics))
        await _until_past(self._kept, await self._ends(ends, sink))

    async def _ends(self, consumer: AIOKafkaConsumer, topics: Iterable[str]) -> Offsets:
        """Return the end offsets of topics, those of open transactions included.

        A transaction's end is written to each partition by itself: the offset that vouches for
        rows may be seen as committed sooner than they are.
        """
        wanted = [
            TopicPartition(topic, number) for topic in topics for number in range(self._partitions)
        ]
        found: Offsets = await consumer.end_offsets(wanted)
        return found


async def _until_past(positions: Callable[[], Awaitable[Offsets]], ends: Offsets) -> None:
    while True:
        now = await positions()
        if all(now.get(tp, 0) >= end for tp, end in ends.items()):
            return
        await asyncio.sleep(POLL_SECONDS)
