"""Workers of the engine in this process, on the real broker, with runners that tests look into."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from stream.brokers import Brokers
from stream.engine.app import StepApp, make_app
from stream.engine.outbox import Outbox
from stream.engine.restore import Restorer, StateKeeper
from stream.engine.runner import Fetched, Runner, StepRunner
from stream.engine.state import PartitionStore

PARTITIONS = 4
PATIENCE = 60.0


async def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Let the workers run until a condition holds, or fail and say what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds:g} s: {what}"
        await asyncio.sleep(0.02)


class Seen:
    """A runner that keeps what it is given, once its gate is open."""

    def __init__(self, *topics: str, kept: Mapping[tuple[str, int], int] | None = None) -> None:
        self.topics = topics
        self.values: list[bytes] = []
        self.begun = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._kept = kept

    async def run(self, batch: Fetched) -> None:
        """Keep the batch's values."""
        self.begun += 1
        await self.gate.wait()
        for records in batch.values():
            self.values.extend(record.value or b"" for record in records)

    async def grown(self, what: str, by: int = 40) -> None:
        """Wait until so many values more are there."""
        wanted = len(self.values) + by
        await until(lambda: len(self.values) >= wanted, what)

    async def kept(self) -> Mapping[tuple[str, int], int] | None:
        """Return what the test says."""
        return self._kept

    async def idle(self) -> None:
        """Do nothing."""

    def interrupt(self) -> None:
        """Do nothing."""


@asynccontextmanager
async def worker(
    broker: Broker, group: str, folder: Path, *runners: Runner, instance: str | None = None
) -> AsyncIterator[StepApp]:
    """Run a worker without state; it may not have its partitions yet."""
    app = make_app(
        group,
        brokers=broker.brokers,
        runners=runners,
        keeper=StateKeeper([], Restorer(broker.brokers, Outbox(broker.brokers)), no_store),
        batch_size=100,
        resources=nothing_to_open(),
        commit_interval_ms=50,
        folder=folder,
        instance=instance,
    )
    app.finalize()
    starting = asyncio.ensure_future(app.start())
    try:
        yield app
    finally:
        await app.stop()
        await asyncio.gather(starting, return_exceptions=True)


def no_store(runner: StepRunner, partition: int) -> PartitionStore:
    """Refuse: no runner here keeps state."""
    raise AssertionError(f"{runner} opens a store of {partition}")


@asynccontextmanager
async def nothing_to_open() -> AsyncIterator[None]:
    """Open nothing."""
    yield


@dataclass(frozen=True)
class Broker:
    """The real broker."""

    brokers: Brokers
    admin: KafkaAdminClient

    def topic(self, partitions: int = PARTITIONS) -> str:
        """Make a topic of the test's own."""
        name = f"engine-{uuid4()}"
        self.admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}})
        self.admin.wait_for_topics([name])
        return name

    def send(self, topic: str, values: Sequence[bytes], *, transactions: int = 0) -> None:
        """Write values, one partition after the other; in so many transactions, if any."""
        name = {"transactional_id": str(uuid4())} if transactions else {}
        producer = KafkaProducer(**self.brokers.client, **name)
        if transactions:
            producer.init_transactions()
        for part in range(transactions or 1):
            if transactions:
                producer.begin_transaction()
            for number, value in enumerate(values):
                if not transactions or number % transactions == part:
                    producer.send(topic, value, partition=number % PARTITIONS)
            if transactions:
                producer.commit_transaction()
        producer.flush()
        producer.close()

    def roll_back(self, topic: str, values: Sequence[bytes]) -> None:
        """Write values in a transaction that is given up."""
        producer = KafkaProducer(**self.brokers.client, transactional_id=str(uuid4()))
        producer.init_transactions()
        producer.begin_transaction()
        for number, value in enumerate(values):
            producer.send(topic, value, partition=number % PARTITIONS)
        producer.flush()
        producer.abort_transaction()
        producer.close()

    def ends(self, topic: str) -> dict[int, int]:
        """Return the end of each partition's log: markers of transactions count."""
        consumer = KafkaConsumer(**self.brokers.client)
        ends = consumer.end_offsets([TopicPartition(topic, each) for each in range(PARTITIONS)])
        consumer.close()
        return {tp.partition: end for tp, end in ends.items()}

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return a group's positions in a topic."""
        found = self.admin.list_group_offsets(group)[group]
        return {tp.partition: meta.offset for tp, meta in found.items() if tp.topic == topic}
