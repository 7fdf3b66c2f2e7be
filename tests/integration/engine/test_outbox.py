"""The outbox: what it has sent is in the log, in order, and it says up to where."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import MessageSizeTooLargeError
from kafka import KafkaConsumer, TopicPartition

from stream.engine.outbox import Outbox, Outgoing, Positions
from stream.engine.pacing import PAUSE_SECONDS
from tests.integration.engine.harness import PARTITIONS, Broker

pytestmark = pytest.mark.stack

AWAY_SECONDS = 1.0


def sent(broker: Broker, *batches: Iterable[Outgoing]) -> list[Positions]:
    async def send() -> list[Positions]:
        async with Outbox(broker.brokers) as outbox:
            return [await outbox.send(batch) for batch in batches]

    return asyncio.run(send())


def read(broker: Broker, topic: str, partition: int) -> list[tuple[bytes, bytes | None]]:
    tp = TopicPartition(topic, partition)
    consumer = KafkaConsumer(**broker.brokers.client, auto_offset_reset="earliest")
    consumer.assign([tp])
    end = consumer.end_offsets([tp])[tp]
    found: list[tuple[bytes, bytes | None]] = []
    while consumer.position(tp) < end:
        for records in consumer.poll(timeout_ms=1000).values():
            found.extend((record.key, record.value) for record in records)
    consumer.close()
    return found


def test_positions_are_the_ends_of_the_logs(broker: Broker, topic: str) -> None:
    batch = [Outgoing(topic, number % 3, b"k%d" % number, b"v", ()) for number in range(10)]
    (first, second) = sent(broker, batch, batch[:1])
    assert first == {(topic, 0): 4, (topic, 1): 3, (topic, 2): 3}
    assert second == {(topic, 0): 5}
    assert broker.ends(topic) == {0: 5, 1: 3, 2: 3, 3: 0}


def test_more_than_a_batch_holds_keeps_its_order(broker: Broker, topic: str) -> None:
    large = b"x" * (700 << 10)
    batch = [Outgoing(topic, 1, b"%d" % number, large, ()) for number in range(7)]
    (positions,) = sent(broker, batch)
    assert positions == {(topic, 1): 7}
    assert [key for key, _ in read(broker, topic, 1)] == [b"%d" % number for number in range(7)]


def test_one_message_may_be_larger_than_a_batch(broker: Broker, topic: str) -> None:
    large = b"x" * (3 << 20)
    (positions,) = sent(broker, [Outgoing(topic, 0, b"k", large, ())])
    assert positions == {(topic, 0): 1}


def test_what_the_broker_refuses_says_where_it_was_to_go(broker: Broker, topic: str) -> None:
    with pytest.raises(MessageSizeTooLargeError) as error:
        sent(broker, [Outgoing(topic, 1, b"k", b"x" * (9 << 20), ())])
    assert error.value.__notes__ == [f"the broker did not take 1 records for {topic}-1"]


def test_tombstones_and_headers_arrive(broker: Broker, topic: str) -> None:
    sent(broker, [Outgoing(topic, PARTITIONS - 1, b"k", None, (("version", b"7"),))])
    assert read(broker, topic, PARTITIONS - 1) == [(b"k", None)]


def test_nothing_to_send_is_nothing(broker: Broker, topic: str) -> None:
    assert sent(broker, []) == [{}]
    assert sum(broker.ends(topic).values()) == 0


def test_a_broker_that_is_away_is_not_asked_for_without_a_pause(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As while the only broker stops: the partition has no leader, and nobody answers."""

    async def nobody(*_: object, **__: object) -> None:
        return None

    async def scenario() -> None:
        async with Outbox(broker.brokers) as outbox:
            await outbox.send([Outgoing(topic, 0, b"before", b"v", ())])
            with monkeypatch.context() as away:
                away.setattr(ClusterMetadata, "leader_for_partition", lambda *_: -1)
                away.setattr(AIOKafkaClient, "_get_conn", nobody)
                sending = asyncio.ensure_future(outbox.send([Outgoing(topic, 0, b"k", b"v", ())]))
                await asyncio.sleep(AWAY_SECONDS)
            assert await sending == {(topic, 0): 2}

    asyncio.run(scenario())
    asked = [record for record in caplog.records if "Unable to update metadata" in record.message]
    assert 1 <= len(asked) <= AWAY_SECONDS / PAUSE_SECONDS + 1
