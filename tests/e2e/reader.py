"""A downstream consumer of the public topics."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from stream.names import (
    PUBLIC_EXERCISES,
    PUBLIC_RECORDS,
    PUBLIC_WEEKLY_STATS,
    PUBLIC_WORKOUTS,
)
from tests.e2e.pipeline import until

TOPICS = (PUBLIC_EXERCISES, PUBLIC_RECORDS, PUBLIC_WEEKLY_STATS, PUBLIC_WORKOUTS)


class Reader:
    """Reads topics on, up to where they end when it is asked."""

    def __init__(self, servers: str) -> None:
        self.consumer = KafkaConsumer(
            bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False
        )
        self.partitions = [
            TopicPartition(topic, partition)
            for topic in TOPICS
            for partition in self.consumer.partitions_for_topic(topic)
        ]
        self.consumer.assign(self.partitions)

    def read(self) -> list[tuple[str, str, dict[str, Any] | None]]:
        """Return (topic, key, value) of what is new."""
        found = []

        def at_end() -> bool:
            for records in self.consumer.poll(timeout_ms=100).values():
                for each in records:
                    value = (
                        None
                        if each.value is None
                        else json.loads(each.value, parse_float=Decimal, parse_int=Decimal)
                    )
                    found.append((each.topic, each.key.decode(), value))
            return all(self.consumer.position(tp) >= end for tp, end in ends.items())

        ends = self.consumer.end_offsets(self.partitions)
        until(at_end, "the end of the public topics")
        return found
