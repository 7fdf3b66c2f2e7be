"""Takes up the state of assigned partitions from their changelogs, before input goes on.

The records of a fetch are applied in one write. Whatever is not assigned any more is closed;
state in memory is dropped with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.engine.runner import StepRunner
from stream.engine.state import PartitionStore

log = logging.getLogger(__name__)

OpenStore = Callable[[StepRunner, int], PartitionStore]


@dataclass
class Progress:
    """How a restore goes on: records applied of those to apply, at least."""

    done: int = 0
    total: int = 0


class StateKeeper:
    """Opens, restores and closes the stores of the partitions that this worker owns."""

    def __init__(
        self, bootstrap_servers: str, runners: Sequence[StepRunner], open_store: OpenStore
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._runners = runners
        self._open = open_store
        self.progress = Progress()

    async def own(self, partitions: Iterable[int]) -> None:
        """Hold the state of exactly these partitions, each brought up to its changelog's end."""
        wanted = set(partitions)
        for runner in self._runners:
            for partition in runner.stores.keys() - wanted:
                runner.stores.pop(partition).close()
            for partition in wanted - runner.stores.keys():
                runner.stores[partition] = self._open(runner, partition)
        await self._restore(wanted)

    def close(self) -> None:
        """Close every store."""
        for runner in self._runners:
            for store in runner.stores.values():
                store.close()
            runner.stores.clear()

    async def _restore(self, partitions: set[int]) -> None:
        """Read the changelogs from where each store stands to their ends."""
        if not partitions:
            return
        stores = {
            TopicPartition(runner.changelog, partition): runner.stores[partition]
            for runner in self._runners
            for partition in partitions
        }
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 << 20,
        )
        await consumer.start()
        try:
            await self._read(consumer, stores)
        finally:
            await consumer.stop()

    async def _read(
        self, consumer: AIOKafkaConsumer, stores: dict[TopicPartition, PartitionStore]
    ) -> None:
        consumer.assign(list(stores))
        ends = await consumer.end_offsets(list(stores))
        begins = await consumer.beginning_offsets(list(stores))
        for tp, store in stores.items():
            consumer.seek(tp, max(store.position, begins[tp]))
        behind = {tp for tp in stores if max(stores[tp].position, begins[tp]) < ends[tp]}
        self.progress = Progress(0, sum(ends[tp] - stores[tp].position for tp in behind))
        consumer.pause(*(stores.keys() - behind))
        while behind:
            fetched = await consumer.getmany(*behind, timeout_ms=1000)
            for tp, records in fetched.items():
                stores[tp].restore(
                    [(record.key, record.value) for record in records], records[-1].offset + 1
                )
                self.progress.done += len(records)
                await asyncio.sleep(0)
            behind = {tp for tp in behind if await consumer.position(tp) < ends[tp]}
        if self.progress.done:
            log.info("restored %d changelog records", self.progress.done)
