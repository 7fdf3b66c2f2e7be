"""The public topics say what the serving generation says, also while it is compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from stream.engine.outbox import VERSION_HEADER, Outbox, Outgoing
from stream.names import SourceTopics, Topics
from stream.publisher import Publisher
from stream.upserts import Row
from tests.integration.engine.harness import PATIENCE, Broker
from tests.integration.engine.test_outbox import read

pytestmark = pytest.mark.stack

EPOCH = 1
KEYS = 50


@dataclass(frozen=True)
class TwoTopics(Topics):
    """Names of one output and of the public topic that it has."""

    own: str = ""
    said: str = ""

    @property
    def public(self) -> dict[str, str]:
        """The test's own."""
        return {self.own: self.said}


class Noted:
    """A journal in memory: how often each partition was said."""

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()
        self.doubted: set[int] = set()

    async def said(self, epoch: int) -> set[int]:
        """Return the partitions that were, and are in no doubt."""
        del epoch
        return set(self.times) - self.doubted

    async def say(self, epoch: int, partition: int, changed: int, gone: int) -> None:
        """Count it."""
        del epoch, changed, gone
        self.times[partition] += 1
        self.doubted.discard(partition)

    async def doubt(self, epoch: int, partition: int) -> None:
        """Note it."""
        del epoch
        self.doubted.add(partition)


@dataclass
class Serving:
    """A generation that serves, and goes on to publish as its sink would."""

    topics: TwoTopics
    outbox: Outbox
    publisher: Publisher
    journal: Noted
    version: int = 0

    async def publish(self) -> None:
        """Say something of one key, first in the generation's own topic."""
        self.version += 1
        key, value = b'{"id":%d}' % (self.version % KEYS), b'{"n":%d}' % self.version
        header = (VERSION_HEADER, b"%d" % self.version)
        place = self.topics.own, 0
        before = {place: self.version - 1}
        await self.outbox.send([Outgoing(*place, key, value, (header,))])
        row = Row(0, key, value, self.version)
        await self.publisher.publish(EPOCH, before, {self.topics.own: [row]})

    async def publish_until(self, times: int) -> None:
        """Go on without a pause until the partition was said so often."""
        async with asyncio.timeout(PATIENCE):
            while self.journal.times[0] < times:
                await self.publish()


async def served(broker: Broker, act: Callable[[Serving], Awaitable[None]]) -> Serving:
    """Let a generation that has said something before do what a test asks."""
    topics = TwoTopics(SourceTopics("", "", ""), 1, 1, broker.topic(), broker.topic())
    async with Outbox(broker.brokers) as outbox:
        journal = Noted()
        publisher = Publisher(topics, broker.brokers, outbox, journal, lambda: {0})
        serving = Serving(topics, outbox, publisher, journal)
        await serving.publish_until(1)
        await act(serving)
        await publisher.restart()
    return serving


async def intrude(broker: Broker, serving: Serving) -> None:
    """Publish as a worker would that was paused, and wakes up late."""
    late = (VERSION_HEADER, b"0.1")
    async with Outbox(broker.brokers) as another:
        await another.send([Outgoing(serving.topics.said, 0, b'{"id":-1}', b'{"n":0}', (late,))])


def told(broker: Broker, topic: str) -> dict[bytes, bytes]:
    last = dict(read(broker, topic, 0))
    return {key: value for key, value in last.items() if value is not None}


def test_what_is_published_while_a_partition_is_compared_disturbs_nothing(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def go_on(serving: Serving) -> None:
        for _ in range(2 * KEYS):
            await serving.publish()
        await serving.publisher.look()

    serving = asyncio.run(served(broker, go_on))
    assert serving.journal.times == {0: 1}
    assert "somebody else" not in caplog.text
    assert told(broker, serving.topics.said) == told(broker, serving.topics.own)


def test_what_somebody_else_has_published_is_put_right_once_though_more_comes(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def go_on(serving: Serving) -> None:
        await intrude(broker, serving)
        await serving.publish_until(2)
        for _ in range(2 * KEYS):
            await serving.publish()
        await serving.publisher.look()

    serving = asyncio.run(served(broker, go_on))
    assert serving.journal.times == {0: 2}
    assert caplog.text.count("somebody else") == 1
    assert told(broker, serving.topics.said) == told(broker, serving.topics.own)


def test_whoever_comes_next_puts_it_right_too(broker: Broker) -> None:
    async def end_at_once(serving: Serving) -> None:
        await intrude(broker, serving)
        while not serving.journal.doubted:
            await serving.publish()
        await serving.publisher.restart()
        await serving.publish_until(2)

    serving = asyncio.run(served(broker, end_at_once))
    assert told(broker, serving.topics.said) == told(broker, serving.topics.own)
