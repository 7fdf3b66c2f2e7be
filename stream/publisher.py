"""Keeps the public topics saying what the serving generation says.

Whoever begins to serve compares first: the last values in the public topics with those in the
generation's own output topics, partition by partition. The real differences are published, with
tombstones for what is gone. From then on, what the sink accepts is published as it comes.

Nobody else writes there, so the end of a public partition is known. Where it is further on, a
worker that was paused has published late, and the partition is compared again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic
from typing import Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.brokers import Brokers
from stream.engine.outbox import VERSION_HEADER, Outbox, Outgoing
from stream.names import Topics
from stream.upserts import Row

log = logging.getLogger(__name__)

OUTSIDE_EQUALITY = ("as_of", "created_at", "updated_at")
"""Fields that tell of how a value came about, not of what it says."""

AT_ONCE = 50
"""Records that are compared without a pause, which is as long: what is live goes on meanwhile."""

Offsets = Mapping[tuple[str, int], int]

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Journal(Protocol):
    """Remembers which partitions the public topics say already, by serving epoch."""

    async def said(self, epoch: int) -> set[int]:
        """Return the partitions that were compared and published."""

    async def say(self, epoch: int, partition: int, changed: int, gone: int) -> None:
        """Note that one was, with how many values differed and how many were gone."""

    async def doubt(self, epoch: int, partition: int) -> None:
        """Note that one may not say it any more, until it is said again."""


@dataclass
class Comparison:
    """A partition that is being compared; what the sink publishes meanwhile is `touched`."""

    task: asyncio.Task[dict[tuple[str, bytes], Row]]
    touched: set[tuple[str, bytes]] = field(default_factory=set)


class Publisher:
    """Publishes for the partitions that `owned` returns, while their generation serves."""

    def __init__(
        self,
        topics: Topics,
        brokers: Brokers,
        outbox: Outbox,
        journal: Journal,
        owned: Callable[[], set[int]],
    ) -> None:
        self._names = topics
        self._brokers = brokers
        self._outbox = outbox
        self._journal = journal
        self._owned = owned
        self._epoch: int | None = None
        self._said: set[int] = set()
        self._comparing: dict[int, Comparison] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._turn = asyncio.Lock()

    async def restart(self) -> None:
        """Forget everything: other partitions may be ours now."""
        self._epoch = None
        self._ends = {}
        tasks = [comparison.task for comparison in self._comparing.values()]
        self._comparing = {}
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def publish(
        self, epoch: int | None, before: Offsets, accepted: Mapping[str, Iterable[Row]]
    ) -> None:
        """Publish what the read store accepted in this epoch, None while another one serves.

        `before` is up to where each output topic had been accepted before.
        """
        await self.tend(epoch, before)
        if self._epoch is None:
            return
        for topic, rows in accepted.items():
            for row in rows:
                if row.partition in self._comparing:
                    self._comparing[row.partition].touched.add((topic, row.key))
        await self._send(self._epoch, accepted)

    async def tend(self, epoch: int | None, positions: Offsets) -> None:
        """Begin comparisons that are due, and publish what those that are over have found."""
        if epoch != self._epoch:
            await self.restart()
            self._epoch = epoch
            self._said = set() if epoch is None else await self._journal.said(epoch)
        if self._epoch is None:
            return
        if due := self._owned() - self._said - self._comparing.keys():
            await self._begin(due, positions)
        for partition, comparison in list(self._comparing.items()):
            if comparison.task.done():
                await self._settle(self._epoch, partition, comparison)

    async def look(self) -> None:
        """Compare again where somebody else has published."""
        if self._epoch is None:
            return
        for tp, end in (await self._public_ends(self._owned() & self._said)).items():
            if self._ends.setdefault(tp, end) != end:
                await self._disturbed(self._epoch, *tp)

    async def _begin(self, partitions: set[int], positions: Offsets) -> None:
        """Begin comparisons with what is public now.

        Nothing of ours is on its way there at this moment, so that whatever comes after these
        ends is known, or somebody else's.
        """
        try:
            ends = await self._public_ends(partitions)
        except KafkaError as error:
            log.warning("partitions %s can't be compared yet: %s", sorted(partitions), error)
            return
        self._ends.update(ends)
        upto = {**positions, **ends}
        for partition in partitions:
            task = asyncio.create_task(self._compare(partition, upto))
            self._comparing[partition] = Comparison(task)

    async def _public_ends(self, partitions: set[int]) -> dict[TopicPartition, int]:
        wanted = [
            TopicPartition(public, partition)
            for public in self._names.public.values()
            for partition in partitions
        ]
        if not wanted:
            return {}
        async with AIOKafkaConsumer(**self._brokers.client) as consumer:
            found: dict[TopicPartition, int] = await consumer.end_offsets(wanted)
        return found

    async def _settle(self, epoch: int, partition: int, comparison: Comparison) -> None:
        del self._comparing[partition]
        try:
            differing = comparison.task.result()
        except KafkaError as error:
            log.warning("partition %d can't be compared, trying again: %s", partition, error)
            return
        found = {which: row for which, row in differing.items() if which not in comparison.touched}
        by_topic: dict[str, list[Row]] = {}
        for (topic, _), row in found.items():
            by_topic.setdefault(topic, []).append(row)
        if partition in await self._send(epoch, by_topic):
            return
        gone = sum(row.value is None for row in found.values())
        await self._journal.say(epoch, partition, len(found) - gone, gone)
        self._said.add(partition)

    async def _send(self, epoch: int, rows_by_topic: Mapping[str, Iterable[Row]]) -> set[int]:
        """Publish; return the partitions in which somebody else has published, too."""
        outgoing = [
            Outgoing(
                self._names.public[topic],
                row.partition,
                row.key,
                row.value,
                ((VERSION_HEADER, b"%d.%d" % (epoch, row.version)),),
            )
            for topic, rows in rows_by_topic.items()
            for row in rows
        ]
        if not outgoing:
            return set()
        disturbed = set()
        sent = Counter((message.topic, message.partition) for message in outgoing)
        for tp, end in (await self._outbox.send(outgoing)).items():
            expected = self._ends.get(tp, end - sent[tp]) + sent[tp]
            self._ends[tp] = end
            if end != expected:
                await self._disturbed(epoch, *tp)
                disturbed.add(tp[1])
        return disturbed

    async def _disturbed(self, epoch: int, public: str, partition: int) -> None:
        log.warning("somebody else published to %s-%d: it is compared again", public, partition)
        self._said.discard(partition)
        await self._journal.doubt(epoch, partition)
        comparison = self._comparing.pop(partition, None)
        if comparison is not None:
            comparison.task.cancel()

    async def _compare(self, partition: int, upto: Offsets) -> dict[tuple[str, bytes], Row]:
        """Return what the public topics' partition must say otherwise; read all up to there."""
        found: dict[tuple[str, bytes], Row] = {}
        async with (
            self._turn,
            AIOKafkaConsumer(
                **self._brokers.client,
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=4 << 20,
                fetch_max_wait_ms=20,  # it reads up to known ends, and never waits for more
            ) as consumer,
        ):
            for own, public in self._names.public.items():
                said = _Said()
                await _read(consumer, public, partition, upto, said.take)
                wanted = _Wanted(partition, said.digests)
                await _read(consumer, own, partition, upto, wanted.take)
                found.update(((own, key), row) for key, row in wanted.differing().items())
        return found


class _Said:
    """The last value of each key that a public partition says, by its digest."""

    def __init__(self) -> None:
        self.digests: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes | None, version: int) -> None:
        del version
        if value is None:
            self.digests.pop(key, None)
        else:
            self.digests[key] = digest(value)


class _Wanted:
    """What a generation's own output partition says otherwise; the highest version counts."""

    def __init__(self, partition: int, said: Mapping[bytes, bytes]) -> None:
        self._partition = partition
        self._said = said
        self._versions: dict[bytes, int] = {}
        self._differing: dict[bytes, Row] = {}
        self._gone = set(said)

    def take(self, key: bytes, value: bytes | None, version: int) -> None:
        if self._versions.get(key, -1) > version:
            return
        self._versions[key] = version
        said = self._said.get(key)
        if said == (None if value is None else digest(value)):
            self._differing.pop(key, None)
        else:
            self._differing[key] = Row(self._partition, key, value, version)
        self._gone.discard(key)

    def differing(self) -> dict[bytes, Row]:
        gone = {key: Row(self._partition, key, None, 0) for key in self._gone}
        return self._differing | gone


def digest(value: bytes) -> bytes:
    """Return what stands for the content of a value: of all but its times and positions."""
    content = {name: raw for name, raw in _decode(value).items() if name not in OUTSIDE_EQUALITY}
    return blake2b(msgspec.json.encode(content, order="sorted"), digest_size=16).digest()


async def _read(
    consumer: AIOKafkaConsumer,
    topic: str,
    partition: int,
    upto: Offsets,
    take: Callable[[bytes, bytes | None, int], None],
) -> None:
    """Read a partition from its begin up to its offset in `upto`."""
    tp = TopicPartition(topic, partition)
    end = upto.get(tp, 0)
    consumer.assign([tp])
    consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
    while await consumer.position(tp) < end:
        began = monotonic()
        for records in (await consumer.getmany(tp, timeout_ms=1000, max_records=AT_ONCE)).values():
            for record in records:
                if record.offset < end:
                    take(record.key, record.value, _version(record.headers))
        await asyncio.sleep(monotonic() - began)


def _version(headers: Iterable[tuple[str, bytes]]) -> int:
    """Return the version that a header tells; a public one's epoch is left out."""
    found = next((value for name, value in headers if name == VERSION_HEADER), b"0")
    return int(found.rpartition(b".")[2])
