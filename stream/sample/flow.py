"""The flow without a broker: events of the source go in, messages of the public topics come out.

It runs the steps that workers run, one event at a time, with their state in memory.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32
from zoneinfo import ZoneInfo

from stream.engine.keyvalue import MemoryKeyValue
from stream.engine.outbox import VERSION_HEADER
from stream.engine.state import PartitionStore
from stream.names import SourceTopics, Topics
from stream.steps.aggregate import Aggregate
from stream.steps.assemble import Assemble
from stream.steps.route import Route
from stream.steps.step import Message, Record, Step

SOURCE: Final = SourceTopics(
    "fit.public.exercise", "fit.public.workouts_workout", "fit.public.workouts_performedexercise"
)
EPOCH = 1


class PublicMessage(NamedTuple):
    """A message of a public topic, as a consumer gets it; a value of None is a tombstone."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Flow:
    """The steps of a generation that serves."""

    def __init__(self, zone: ZoneInfo, partitions: int = 4) -> None:
        self._topics = Topics(SOURCE, generation=1, partitions=partitions)
        steps = Route(self._topics, {}), Assemble(self._topics, zone), Aggregate(self._topics)
        self._reads: dict[str, Step] = {topic: step for step in steps for topic in step.topics}
        self._stores = {
            (step.name, partition): PartitionStore(step, MemoryKeyValue())
            for step in steps
            for partition in range(partitions)
        }
        self._ends: Counter[tuple[str, int]] = Counter()

    def take(
        self, topic: str, key: bytes, value: bytes | None, timestamp_ms: int
    ) -> Iterator[PublicMessage]:
        """Take an event of a source topic, and yield what follows from it."""
        first = Message(topic, crc32(key) % self._topics.partitions, key, value, None)
        waiting = deque([first])
        while waiting:
            message = waiting.popleft()
            if message.version is None:
                waiting.extend(self._step(message, timestamp_ms))
            else:
                version = b"%d.%d" % (EPOCH, message.version)
                yield PublicMessage(
                    self._topics.public[message.topic],
                    message.partition,
                    message.key,
                    message.value,
                    ((VERSION_HEADER, version),),
                )

    def _step(self, message: Message, timestamp_ms: int) -> list[Message]:
        topic, partition, key, value, _ = message
        record = Record(topic, self._ends[topic, partition], key, value, timestamp_ms)
        self._ends[topic, partition] += 1
        step = self._reads[topic]
        store = self._stores[step.name, partition]
        state = store.batch()
        messages = step.fold({partition: [record]}, {partition: state})
        store.write(state, store.position + len(state.durable))
        # a step goes through sets, whose order is another one in each process
        return sorted(messages, key=lambda each: (each.topic, each.partition, each.key))
