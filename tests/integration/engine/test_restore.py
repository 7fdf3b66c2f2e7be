"""State comes back from the changelog: all of it, the highest version of each key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from stream.engine.keyvalue import MemoryKeyValue, RocksKeyValue
from stream.engine.outbox import Outbox, Outgoing
from stream.engine.restore import Progress, Restorer
from stream.engine.state import PartitionStore, pack
from stream.steps.step import Batch, Message, Restored, State
from tests.integration.engine.harness import Broker

pytestmark = pytest.mark.stack


class Plain:
    """A step that derives nothing."""

    name = "plain"
    topics: tuple[str, ...] = ()

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Fold nothing."""
        del batch, states
        return []

    def derive(self, state: State, restored: Iterable[Restored]) -> None:
        """Derive nothing."""


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PartitionStore]:
    memory = request.param == "memory"
    opened = PartitionStore(Plain(), MemoryKeyValue() if memory else RocksKeyValue(tmp_path / "kv"))
    yield opened
    opened.close()


def write(broker: Broker, changelog: str, *pairs: tuple[bytes, bytes]) -> None:
    async def send() -> None:
        async with Outbox(broker.brokers) as outbox:
            await outbox.send(Outgoing(changelog, 0, key, value, ()) for key, value in pairs)

    asyncio.run(send())


def restore(broker: Broker, changelog: str, store: PartitionStore) -> Progress:
    async def take() -> Progress:
        async with Outbox(broker.brokers) as outbox:
            restorer = Restorer(broker.brokers, outbox)
            await restorer.restore({TopicPartition(changelog, 0): store})
            return restorer.progress

    return asyncio.run(take())


def value(store: PartitionStore, key: bytes) -> bytes | None:
    return store.batch().get(key)


def test_the_highest_version_wins_though_a_late_writer_came_last(
    broker: Broker, topic: str, store: PartitionStore
) -> None:
    write(broker, topic, (b"a", pack(1, b"old")), (b"b", pack(1, b"b")))
    write(broker, topic, (b"a", pack(5, b"new")), (b"a", pack(3, b"late")))
    restore(broker, topic, store)
    assert (value(store, b"a"), value(store, b"b")) == (b"new", b"b")


def test_what_a_late_writer_hid_is_written_again(
    broker: Broker, topic: str, store: PartitionStore
) -> None:
    write(broker, topic, (b"a", pack(5, b"new")), (b"a", pack(3, b"late")))
    restore(broker, topic, store)
    assert broker.ends(topic)[0] == 3
    another = PartitionStore(Plain(), MemoryKeyValue())
    write(broker, topic, (b"c", pack(1, b"c")))
    assert restore(broker, topic, another).done == 4
    assert value(another, b"a") == b"new"
    assert broker.ends(topic)[0] == 4


def test_a_restore_goes_on_from_its_position(
    broker: Broker, topic: str, store: PartitionStore
) -> None:
    write(broker, topic, *((b"%d" % number, pack(number, b"v")) for number in range(10)))
    assert restore(broker, topic, store).done == 10
    assert store.position == 10
    write(broker, topic, (b"3", pack(11, b"newer")))
    assert restore(broker, topic, store).done == 1
    assert value(store, b"3") == b"newer"
    assert restore(broker, topic, store).done == 0


def test_what_takes_many_fetches_is_restored_to_its_end(
    broker: Broker, topic: str, store: PartitionStore
) -> None:
    pairs = [(b"%d" % number, pack(number, b"x" * 2000)) for number in range(6000)]
    write(broker, topic, *pairs)
    assert restore(broker, topic, store).done == 6000
    assert all(value(store, key) == stored[8:] for key, stored in pairs)


def test_an_owner_sees_that_somebody_else_wrote(broker: Broker, topic: str) -> None:
    store = PartitionStore(Plain(), MemoryKeyValue())
    stores = {TopicPartition(topic, 0): store}

    async def look() -> bool:
        async with Outbox(broker.brokers) as outbox:
            return bool(await Restorer(broker.brokers, outbox).disturbed(stores))

    assert not asyncio.run(look())
    write(broker, topic, (b"a", pack(1, b"a")))
    assert asyncio.run(look())
    restore(broker, topic, store)
    assert not asyncio.run(look())
