"""A transaction that goes on is told from one that is forgotten, by what a real broker says."""

from __future__ import annotations

from uuid import uuid4

import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic

from connectors.watch.forgotten import abort_forgotten
from stream.admin import kafka_admin
from stream.brokers import Brokers
from stream.settings import Settings

pytestmark = pytest.mark.stack


def test_one_that_goes_on_is_left_alone_and_can_be_committed(stack: Settings) -> None:
    topic = f"offsets-{uuid4().hex[:8]}"
    own = stack.model_copy(update={"connect_offsets_topic": topic, "connector_name": topic})
    with kafka_admin(own) as admin:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    assert abort_forgotten(own) == []
    producer = KafkaProducer(**Brokers.of(own).client, transactional_id=f"connect-{topic}-0")
    producer.init_transactions()
    for _ in range(2):
        producer.begin_transaction()
        producer.send(topic, b"x").get(10)
        assert abort_forgotten(own) == []
        producer.commit_transaction()
    producer.close()
    assert abort_forgotten(own) == []
