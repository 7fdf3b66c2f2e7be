"""The frontier: it moves once everything before it is served, and never sooner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from stream.engine import frontier
from stream.engine.frontier import Frontier, Offsets, SourcePoint
from tests.integration.engine.harness import PARTITIONS, Broker, until

pytestmark = pytest.mark.stack

KEY = json.dumps(["tonnage", {"server": "fit"}]).encode()


class Admin(AIOKafkaAdminClient):  # type: ignore[misc]
    """Counts how often the group's positions are looked at."""

    looks = 0

    async def list_consumer_group_offsets(self, *arguments: Any) -> Any:
        Admin.looks += 1
        return await super().list_consumer_group_offsets(*arguments)


class Flow:
    """A flow of one step and a sink, whose positions are as the test says."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.source, self.outputs, self.offsets = broker.topic(), broker.topic(), broker.topic(1)
        self.group = f"engine-{uuid4()}"
        self.kept: dict[tuple[str, int], int] = {}
        self.points: list[SourcePoint] = []
        self.doubts: list[str] = []
        self.cleared: list[str] = []
        self.leads = True
        self.asked = 0

    def _leads(self) -> bool:
        self.asked += 1
        return self.leads

    async def _kept(self) -> Offsets:
        return self.kept

    async def _doubts(self) -> list[str]:
        return list(self.doubts)

    async def _store(self, point: SourcePoint, doubts: Sequence[str]) -> None:
        self.points.append(point)
        self.cleared.extend(doubts)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Run a frontier over the flow."""
        running = asyncio.ensure_future(
            Frontier(
                brokers=self.broker.brokers,
                offsets_topic=self.offsets,
                connector="tonnage",
                group=self.group,
                partitions=PARTITIONS,
                stages=[(self.source,), (self.outputs,)],
                kept=self._kept,
                doubts=self._doubts,
                store=self._store,
                leads=self._leads,
            ).run()
        )
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    @contextmanager
    def transaction(self) -> Iterator[KafkaProducer]:
        """Write as Connect does: rows and offsets in one transaction."""
        producer = KafkaProducer(**self.broker.brokers.client, transactional_id=str(uuid4()))
        producer.init_transactions()
        producer.begin_transaction()
        yield producer
        producer.commit_transaction()
        producer.close()

    def change(self, partition: int, lsn: int, **more: object) -> None:
        """Write a row's event, and that everything up to an LSN is written."""
        with self.transaction() as producer:
            producer.send(self.source, b"row", partition=partition)
            self.vouch(producer, lsn, **more)

    def vouch(self, producer: KafkaProducer, lsn: int, **more: object) -> None:
        """Write Connect's offset."""
        value = json.dumps({"lsn_commit": lsn, "ts_usec": lsn, **more}).encode()
        producer.send(self.offsets, value, key=KEY, partition=0)

    def commit(self) -> None:
        """Commit that the step has come to the ends of its topics."""
        ends = self.broker.ends(self.source)
        consumer = KafkaConsumer(**self.broker.brokers.client, group_id=self.group)
        consumer.commit(
            {
                TopicPartition(self.source, partition): OffsetAndMetadata(end, "", -1)
                for partition, end in ends.items()
            }
        )
        consumer.close()

    async def looked_at(self, times: int = 5) -> None:
        """Let the frontier look a few times more: enough for one that would not wait."""
        wanted = Admin.looks + times
        await until(lambda: Admin.looks >= wanted or bool(self.points), "a frontier that looks")


@pytest.fixture
def flow(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Flow:
    monkeypatch.setattr(frontier, "AIOKafkaAdminClient", Admin)
    return Flow(broker)


def test_one_partition_that_is_behind_holds_it_back(flow: Flow) -> None:
    async def scenario() -> None:
        flow.commit()
        async with flow.followed():
            flow.change(0, lsn=10)
            await flow.looked_at()
            assert flow.points == []
            flow.commit()
            await until(lambda: flow.points == [SourcePoint(10, 10)], "the point")

    asyncio.run(scenario())


def test_the_sink_holds_it_back(flow: Flow) -> None:
    async def scenario() -> None:
        flow.broker.send(flow.outputs, [b"output"])
        flow.change(0, lsn=10)
        flow.commit()
        async with flow.followed():
            await flow.looked_at(1)
            assert flow.points == []
            flow.kept = {(flow.outputs, 0): 1}
            await until(lambda: flow.points == [SourcePoint(10, 10)], "the point")

    asyncio.run(scenario())


def test_a_row_of_a_transaction_behind_an_open_one_holds_it_back(flow: Flow) -> None:
    """The row is written and vouched for, but no reader of committed rows sees it yet."""

    async def scenario() -> None:
        with flow.transaction() as other:
            other.send(flow.source, b"open", partition=0).get()
            flow.change(0, lsn=10)
            async with flow.followed():
                await flow.looked_at()
                assert flow.points == []

    asyncio.run(scenario())


def test_a_snapshot_vouches_for_nothing(flow: Flow) -> None:
    async def scenario() -> None:
        flow.change(0, lsn=10, snapshot="INITIAL")
        flow.change(0, lsn=20)
        flow.commit()
        async with flow.followed():
            await until(lambda: bool(flow.points), "a point")
            assert flow.points == [SourcePoint(20, 20)]

    asyncio.run(scenario())


def test_another_connectors_offsets_say_nothing(flow: Flow) -> None:
    async def scenario() -> None:
        flow.change(0, lsn=10)
        with flow.transaction() as producer:
            other = json.dumps(["other", {"server": "x"}]).encode()
            producer.send(flow.offsets, b'{"lsn_commit": 99, "ts_usec": 1}', key=other, partition=0)
        flow.commit()
        async with flow.followed():
            await until(lambda: bool(flow.points), "a point")
            assert flow.points == [SourcePoint(10, 10)]

    asyncio.run(scenario())


def test_who_does_not_lead_stores_nothing(flow: Flow) -> None:
    async def scenario() -> None:
        flow.leads = False
        flow.change(0, lsn=10)
        flow.commit()
        async with flow.followed():
            await until(lambda: flow.asked > 0, "a point that is read")
            flow.leads = True
            flow.change(0, lsn=20)
            flow.commit()
            await until(lambda: bool(flow.points), "a point")
            assert flow.points == [SourcePoint(20, 20)]

    asyncio.run(scenario())


def test_what_passes_while_a_point_is_waited_for_stays_in_doubt_until_the_next(flow: Flow) -> None:
    async def scenario() -> None:
        flow.doubts = ["before"]
        flow.commit()
        async with flow.followed():
            flow.change(0, lsn=10)
            await flow.looked_at()
            flow.doubts = ["before", "meanwhile"]
            flow.commit()
            await until(lambda: flow.points == [SourcePoint(10, 10)], "the point")
            assert flow.cleared == ["before"]

    asyncio.run(scenario())
