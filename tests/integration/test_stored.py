"""What the watch reads of a capture in Kafka: the positions that are stored, and what was told."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from connectors.watch.stored import Stored, StoredOffsets
from stream.brokers import Brokers
from stream.settings import Settings
from stream.topics import notification_topic
from tests.e2e.pipeline import until

pytestmark = pytest.mark.stack


@pytest.fixture
def capture(stack: Settings) -> Settings:
    """A capture of the test's own, of which nothing is known yet."""
    name = f"stored-{uuid4()}"
    own = stack.model_copy(
        update={"topic_prefix": name, "connector_name": name, "connect_offsets_topic": name}
    )
    admin = KafkaAdminClient(**Brokers.of(stack).client)
    topics = [own.connect_offsets_topic, notification_topic(own)]
    admin.create_topics({each: {"num_partitions": 1, "replication_factor": 1} for each in topics})
    admin.wait_for_topics(topics)
    admin.close()
    return own


def put(capture: Settings, offset: dict[str, object] | None, *told: str) -> None:
    """Store a position, and tell of the first snapshot."""
    producer = KafkaProducer(**Brokers.of(capture).client)
    key = json.dumps([capture.connector_name, {"server": capture.topic_prefix}]).encode()
    for kind in told:
        message = {"id": "1", "type": kind, "aggregate_type": "Initial Snapshot"}
        producer.send(notification_topic(capture), json.dumps(message).encode())
    if offset is not None:
        producer.send(capture.connect_offsets_topic, json.dumps(offset).encode(), key=key)
    producer.flush()
    producer.close()


def test_what_is_stored_and_told_of_a_capture_is_read(capture: Settings) -> None:
    stored = StoredOffsets(capture)
    stored.follow([capture])

    def now() -> Stored:
        return stored.now(capture) or Stored()

    put(capture, {}, "STARTED")
    until(lambda: now().first.begun, "a snapshot that was begun")
    put(capture, {"lsn": 300, "snapshot": "INITIAL"})
    until(lambda: now().snapshots == {300}, "where it began")
    put(capture, {"lsn": 400, "lsn_commit": 390}, "SKIPPED")
    until(lambda: now().first.left_out and now().furthest == 400, "a snapshot that is left out")
    stored.close()


def test_a_capture_that_is_followed_no_more_may_lose_its_topics(capture: Settings) -> None:
    stored = StoredOffsets(capture)
    stored.follow([capture])
    put(capture, {"lsn": 300}, "STARTED")
    until(lambda: stored.now(capture) is not None, "what is stored")
    admin = KafkaAdminClient(**Brokers.of(capture).client)
    admin.delete_topics([notification_topic(capture)])
    admin.close()
    put(capture, {"lsn": 310})
    until(lambda: (stored.now(capture) or Stored()).furthest == 310, "it with a topic gone")
    stored.follow([])
    put(capture, {"lsn": 320})
    until(lambda: (stored.now(capture) or Stored()).furthest == 320, "it without that topic")
    stored.close()
