"""Sends a batch's messages and waits until the broker has them all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from stream.brokers import Brokers
from stream.engine.pacing import pace
from stream.figures import SENT

MAX_MESSAGE_BYTES = 8 << 20
VERSION_HEADER = "version"

Header = tuple[str, bytes]


class Outgoing(NamedTuple):
    """A record to be sent to a partition."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Sequence[Header]


Positions = dict[tuple[str, int], int]
"""The offset after the last record sent, by topic and partition."""


class Outbox:
    """A producer that builds whole batches: no future and no wait for a single message."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._producer: AIOKafkaProducer

    async def __aenter__(self) -> Self:
        """Connect."""
        self._producer = AIOKafkaProducer(
            **self._brokers.client,
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            max_batch_size=1 << 20,
            linger_ms=0,
        )
        pace(self._producer.client)
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is left and disconnect."""
        await self._producer.stop()

    async def send(self, messages: Iterable[Outgoing]) -> Positions:
        """Send messages, in their order within a partition, and wait for all of them."""
        building: dict[tuple[str, int], BatchBuilder] = {}
        sent: list[tuple[tuple[str, int], int, asyncio.Future[Any]]] = []
        for message in messages:
            to = (message.topic, message.partition)
            builder = building.get(to)
            if builder is None:
                builder = building[to] = self._producer.create_batch()
            if not _append(builder, message):
                sent.append(await self._dispatch(to, builder))
                builder = building[to] = self._producer.create_batch()
                _append(builder, message)
        for to, builder in building.items():
            sent.append(await self._dispatch(to, builder))
        positions: Positions = {}
        for to, count, future in sent:
            try:
                metadata = await future
            except KafkaError as error:
                error.add_note(f"the broker did not take {count} records for {to[0]}-{to[1]}")
                raise
            positions[to] = max(positions.get(to, 0), metadata.offset + count)
            SENT.labels(to[0]).inc(count)
        return positions

    async def _dispatch(
        self, to: tuple[str, int], builder: BatchBuilder
    ) -> tuple[tuple[str, int], int, asyncio.Future[Any]]:
        builder.close()
        topic, partition = to
        future = await self._producer.send_batch(builder, topic, partition=partition)
        return to, builder.record_count(), cast("asyncio.Future[Any]", future)


def _append(builder: BatchBuilder, message: Outgoing) -> bool:
    """Add a message to a batch; False where the batch is full."""
    appended = builder.append(
        timestamp=None, key=message.key, value=message.value, headers=list(message.headers)
    )
    return appended is not None
