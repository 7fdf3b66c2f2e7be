"""The pure steps and the sink on Quix Streams, with its state, its changelogs, its commits.

Quix keeps state by message key, so facts are keyed by their user here, and exercises, which
every user needs, are held in memory: a little less work than ours. Its state can't be scanned
either, which a replay of rows that were never regrouped does not need.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any

import psycopg
from quixstreams import Application, message_context
from quixstreams.sinks.base import BatchingSink, SinkBatch
from quixstreams.state import State as QuixState

from stream.engine.outbox import VERSION_HEADER
from stream.names import Topics
from stream.settings import Settings, load_settings
from stream.steps.step import Message, Record, Step
from stream.steps.wire import WorkoutFact, decode_fact
from stream.topology import steps_of, topics_of
from stream.upserts import Row, arrays_of, statements, tables_of

QUIET_SECONDS = 5.0
"""Quix ends when nothing has come for so long; that is not counted."""


class State:
    """A step's state in Quix's, beside what every key needs."""

    def __init__(self, shared: dict[bytes, bytes]) -> None:
        self.held: QuixState[Any, Any]
        self._shared = shared

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        return self._shared[key] if key in self._shared else self.held.get_bytes(key.hex())

    def put(self, key: bytes, version: int, value: bytes) -> None:
        """Write a value."""
        del version
        if key[:1] == b"x":
            self._shared[key] = value
        else:
            self.held.set_bytes(key.hex(), value)

    def get_local(self, key: bytes) -> bytes | None:
        """Return what was derived for a key."""
        return self.held.get_bytes(key.hex())

    def scan_local(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Find nothing: Quix's state can't be scanned."""
        del prefix
        return iter(())

    def put_local(self, key: bytes, value: bytes | None) -> None:
        """Write what is derived."""
        if value is None:
            self.held.delete(key.hex())
        else:
            self.held.set_bytes(key.hex(), value)


class Tables(BatchingSink):
    """Writes a batch of an output topic with the statement that our own sink uses."""

    def __init__(self, dsn: str, topics: Topics) -> None:
        super().__init__()
        self._dsn = dsn
        self._statements = statements(topics.schema)
        self._tables = tables_of(topics)
        self.last = 0.0

    def setup(self) -> None:
        """Connect."""
        self._connection = psycopg.connect(self._dsn)

    def write(self, batch: SinkBatch) -> None:
        """Write the newest message of each key."""
        newest = {
            item.key: Row(batch.partition, item.key, item.value or None, _version(item.headers))
            for item in batch
        }
        arguments = arrays_of(newest.values())
        with self._connection.transaction():
            self._connection.execute(self._statements[self._tables[batch.topic]], arguments)
        self.last = monotonic()


def replay(settings: Settings, generation: int, folder: str) -> float:
    """Replay the source topics into a generation's topics and tables; return the seconds."""
    topics = topics_of(settings, generation)
    app = Application(
        broker_address=settings.need("bootstrap_servers"),
        consumer_group=f"tonnage.bench.quix.{generation}.{monotonic()}",
        auto_offset_reset="earliest",
        state_dir=folder,
        auto_create_topics=True,
        loglevel="ERROR",
        consumer_extra_config={"isolation.level": "read_committed"},
    )
    sink = Tables(settings.need("read_store_dsn"), topics)
    with app.get_producer() as producer:
        for step in steps_of(settings, topics):
            for name in step.topics:
                topic = app.topic(name, value_deserializer="bytes", key_deserializer="bytes")
                handler = _Handler(step, topics, producer)
                app.dataframe(topic).apply(handler, stateful=True, metadata=True)
        for name in tables_of(topics):
            topic = app.topic(name, value_deserializer="bytes", key_deserializer="bytes")
            app.dataframe(topic).sink(sink)
        began = monotonic()
        app.run(timeout=QUIET_SECONDS)
        return sink.last - began


class _Handler:
    """Folds one message at a time, as Quix hands them out, and produces what follows."""

    def __init__(self, step: Step, topics: Topics, producer: Any) -> None:
        self._step = step
        self._topics = topics
        self._producer = producer
        self._state = State({})

    def __call__(
        self,
        value: bytes | None,
        key: bytes,
        timestamp: int,
        headers: Any,
        state: QuixState[Any, Any],
    ) -> None:
        context = message_context()
        self._state.held = state
        record = Record(context.topic, context.offset, key, value, timestamp, headers or ())
        partition = context.partition
        messages = self._step.fold({partition: [record]}, {partition: self._state})
        for message in self._keyed(messages):
            self._producer.produce(
                topic=message.topic,
                partition=message.partition,
                key=message.key,
                value=message.value,
                headers={VERSION_HEADER: b"%d" % (message.version or 0)},
            )

    def _keyed(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Key facts by their user, whose state they change."""
        for message in messages:
            if message.topic == self._topics.facts and message.value is not None:
                fact = decode_fact(message.value)
                if isinstance(fact, WorkoutFact) and fact.current is not None:
                    user = b"%d" % fact.current.place.user_id
                    yield message._replace(key=user)
                    continue
            yield message


def _version(headers: Any) -> int:
    return int(dict(headers or ()).get(VERSION_HEADER, b"0"))


if __name__ == "__main__":
    print(replay(load_settings(), int(sys.argv[1]), sys.argv[2]))
