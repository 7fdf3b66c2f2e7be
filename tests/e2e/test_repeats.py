"""Events that come once more: the answers say so until they have passed, and end as they were."""

from __future__ import annotations

import json

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from stream.generations import serving_settings
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until

pytestmark = pytest.mark.stack


def events(servers: str, topic: str, row: int) -> tuple[TopicPartition, list[ConsumerRecord]]:
    """Return the partition of a row, and all events there."""
    consumer = KafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
    parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(parts)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(parts)
    found: dict[TopicPartition, list[ConsumerRecord]] = {part: [] for part in parts}
    while any(consumer.position(part) < end for part, end in ends.items()):
        for part, records in consumer.poll(timeout_ms=100).items():
            found[part].extend(records)
    consumer.close()
    key = json.dumps({"id": row}, separators=(",", ":")).encode()
    return next(
        (part, records)
        for part, records in found.items()
        if any(record.key == key for record in records)
    )


def test_answers_are_stale_until_a_repetition_has_passed(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    for weights in ("[110, 92.5]", "[120, 92.5]", "[130, 92.5]"):
        app.run(
            f"UPDATE workouts_performedexercise SET weights_per_set = '{weights}'"
            f" WHERE id = {settled.squats}"
        )
    pipeline.settle()
    own = serving_settings(pipeline.settings)
    servers = own.need("bootstrap_servers")
    part, records = events(servers, own.topic(own.performed_table), settled.squats)
    first, *rest = records[-3:]
    producer = KafkaProducer(bootstrap_servers=servers)

    def repeat(*again: ConsumerRecord) -> None:
        for each in again:
            producer.send(part.topic, each.value, each.key, partition=part.partition)
        producer.flush()

    def reason() -> str:
        return pipeline.meta(settled.user).reason or ""

    repeat(first)
    until(lambda: f"repeated {part.topic}-{part.partition}: " in reason(), "stale answers", 10)
    repeat(*rest)
    until(lambda: not reason(), "fresh answers")
    producer.close()
    assert pipeline.records(settled.user, settled.squat)["heaviest_weight"] == 130
    assert pipeline.differences() == []
