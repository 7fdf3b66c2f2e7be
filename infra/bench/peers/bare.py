"""The pure steps and the sink on bare aiokafka loops: an engine without an engine.

No group, no rebalance, no restore: one process that reads its logs from their beginning, keeps
state in RocksDB with a changelog, and commits. It is what Faust and the engine's safety cost.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.bench.peers.unpublished import Unpublished
from stream.brokers import Brokers
from stream.engine.keyvalue import RocksKeyValue
from stream.engine.outbox import VERSION_HEADER, Outbox, Outgoing
from stream.engine.runner import Fetched
from stream.engine.state import PartitionStore
from stream.names import Topics
from stream.settings import Settings, load_settings
from stream.sink import Sink, connections
from stream.steps.step import Record, Step
from stream.topology import steps_of, topics_of


class BareStep:
    """A step with its stores; `run` folds a batch and waits until all of it is acknowledged."""

    def __init__(self, step: Step, topics: Topics, outbox: Outbox, folder: Path) -> None:
        self.topics = step.topics
        self._step = step
        self._changelog = topics.changelog(step.name)
        self._outbox = outbox
        self._stores = {
            partition: PartitionStore(step, RocksKeyValue(folder / f"{step.name}-{partition}"))
            for partition in range(topics.partitions)
        }

    async def run(self, batch: Fetched) -> None:
        """Fold, send the changelog and the messages, then write the stores."""
        states = {partition: self._stores[partition].batch() for partition in batch}
        messages = self._step.fold(batch, states)
        outgoing = [
            Outgoing(self._changelog, partition, key, stored, ())
            for partition, state in states.items()
            for key, stored in state.durable.items()
        ]
        for topic, partition, key, value, version in messages:
            headers = () if version is None else ((VERSION_HEADER, b"%d" % version),)
            outgoing.append(Outgoing(topic, partition, key, value, headers))
        ends = await self._outbox.send(outgoing)
        for partition, state in states.items():
            self._stores[partition].write(state, ends.get((self._changelog, partition), 0))


class Loop:
    """Fetches for one step until what comes before it is done and its logs are read."""

    def __init__(self, runner: BareStep | Sink, settings: Settings, before: Loop | None) -> None:
        self._runner = runner
        self._settings = settings
        self._before = before
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Read to the end."""
        tps = [
            TopicPartition(topic, partition)
            for topic in self._runner.topics
            for partition in range(self._settings.partitions)
        ]
        async with AIOKafkaConsumer(
            **Brokers.of(self._settings).client,
            group_id=f"tonnage.bench.{self._runner.topics[0]}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=20,
            check_crcs=False,
        ) as consumer:
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            await self._consume(consumer, tps)
        self.done.set()

    async def _consume(self, consumer: AIOKafkaConsumer, tps: list[TopicPartition]) -> None:
        most = self._settings.batch_size * self._settings.partitions
        while True:
            last = self._before is None or self._before.done.is_set()
            ends = await consumer.end_offsets(tps) if last else {}
            fetched = await consumer.getmany(timeout_ms=50, max_records=most)
            if fetched:
                await self._runner.run(_batch(fetched))
                await consumer.commit()
            elif last and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
                return


def _batch(fetched: Mapping[TopicPartition, list[Any]]) -> Fetched:
    batch: dict[int, list[Record]] = {}
    for tp, records in fetched.items():
        batch.setdefault(tp.partition, []).extend(
            Record(tp.topic, each.offset, each.key, each.value, each.timestamp, each.headers)
            for each in records
        )
    return batch


async def replay(settings: Settings, generation: int, folder: Path) -> float:
    """Replay the source topics into a generation's topics and tables; return the seconds."""
    topics = topics_of(settings, generation)
    brokers = Brokers.of(settings)
    pool = connections(settings.need("read_store_dsn"))
    async with Outbox(brokers) as outbox, pool:
        steps = [BareStep(step, topics, outbox, folder) for step in steps_of(settings, topics)]
        runners: list[BareStep | Sink] = [*steps, Sink(topics, pool, Unpublished())]
        loops: list[Loop] = []
        for runner in runners:
            loops.append(Loop(runner, settings, loops[-1] if loops else None))
        began = monotonic()
        await asyncio.gather(*(loop.run() for loop in loops))
        return monotonic() - began


if __name__ == "__main__":
    print(uvloop.run(replay(load_settings(), int(sys.argv[1]), Path(sys.argv[2]))))
