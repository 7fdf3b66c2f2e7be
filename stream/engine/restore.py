"""Takes up a step's state from its changelog: before input goes on, and when it was disturbed.

The records of a fetch are applied in one write. The highest version of a key wins, not the
last record: a worker that was paused, replaced, and woke up may have written behind its
successor. Compaction, though, keeps the last record, so where that is an older one, the
owner writes its own state again behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.brokers import Brokers
from stream.engine.outbox import Outbox, Outgoing
from stream.engine.runner import StepRunner
from stream.engine.state import PartitionStore

log = logging.getLogger(__name__)

Stores = Mapping[TopicPartition, PartitionStore]
OpenStore = Callable[[StepRunner, int], PartitionStore]


@dataclass
class Progress:
    """How a restore goes on: changelog records applied, of those to apply."""

    done: int = 0
    total: int = 0


class Restorer:
    """Reads changelogs with a consumer of its own, from where each store stands to the end."""

    def __init__(self, brokers: Brokers, outbox: Outbox) -> None:
        self._brokers = brokers
        self._outbox = outbox
        self.progress = Progress()

    async def restore(self, stores: Stores) -> None:
        """Bring stores up to the ends of their changelogs, and heal these where they lie."""
        if not stores:
            return
        async with AIOKafkaConsumer(
            **self._brokers.client,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 << 20,
        ) as consumer:
            hidden = await self._read(consumer, stores)
        await self._heal(stores, hidden)

    async def _read(
        self, consumer: AIOKafkaConsumer, stores: Stores
    ) -> dict[TopicPartition, set[bytes]]:
        """Apply what is new; return the keys whose last record is an older one."""
        consumer.assign(list(stores))
        ends = await consumer.end_offsets(list(stores))
        begins = await consumer.beginning_offsets(list(stores))
        positions = {tp: max(store.position, begins[tp]) for tp, store in stores.items()}
        for tp, position in positions.items():
            consumer.seek(tp, position)
        hidden: dict[TopicPartition, set[bytes]] = {tp: set() for tp in stores}
        behind = {tp for tp in stores if positions[tp] < ends[tp]}
        self.progress = Progress(0, sum(ends[tp] - positions[tp] for tp in behind))
        while behind:
            for tp, records in (await consumer.getmany(*behind, timeout_ms=1000)).items():
                pairs = [(record.key, record.value) for record in records]
                for key, current in stores[tp].restore(pairs, records[-1].offset + 1).items():
                    (hidden[tp].discard if current else hidden[tp].add)(key)
                self.progress.done += len(records)
                await asyncio.sleep(0)
            behind = {tp for tp in behind if await consumer.position(tp) < ends[tp]}
        return hidden

    async def _heal(self, stores: Stores, hidden: Mapping[TopicPartition, set[bytes]]) -> None:
        messages = [
            Outgoing(tp.topic, tp.partition, key, stores[tp].stored(key), ())
            for tp, keys in hidden.items()
            for key in keys
        ]
        if messages:
            log.warning("%d keys are written again, behind a late writer's", len(messages))
            await self._outbox.send(messages)

    async def disturbed(self, stores: Stores) -> Stores:
        """Return those whose changelog holds more than their owner has sent."""
        async with AIOKafkaConsumer(**self._brokers.client) as consumer:
            ends = await consumer.end_offsets(list(stores))
        return {tp: store for tp, store in stores.items() if ends[tp] > store.position}


class StateKeeper:
    """Opens, restores and closes the stores of the partitions that this worker owns."""

    def __init__(
        self, runners: Sequence[StepRunner], restorer: Restorer, open_store: OpenStore
    ) -> None:
        self._runners = runners
        self._restorer = restorer
        self._open = open_store

    @property
    def progress(self) -> Progress:
        """How the last restore went, or goes."""
        return self._restorer.progress

    async def own(self, partitions: Iterable[int]) -> None:
        """Hold the state of exactly these partitions, each brought up to its changelog's end.

        What is not owned any more is closed; state in memory is dropped with it.
        """
        wanted = set(partitions)
        for runner in self._runners:
            for partition in runner.stores.keys() - wanted:
                runner.stores.pop(partition).close()
            for partition in wanted - runner.stores.keys():
                runner.stores[partition] = self._open(runner, partition)
        await self._restorer.restore(
            {
                TopicPartition(runner.changelog, partition): store
                for runner in self._runners
                for partition, store in runner.stores.items()
            }
        )

    def close(self) -> None:
        """Close every store."""
        for runner in self._runners:
            for store in runner.stores.values():
                store.close()
            runner.stores.clear()
