"""Kafka's administration, by kafka-python: connected, closed, its errors made plain."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stream.brokers import Brokers
from stream.settings import Settings
from stream.unreached import why

# It can't read the metadata of Faust's members, and prints all of it at each look.
logging.getLogger("kafka.admin").setLevel(logging.ERROR)


BOOTSTRAP_MS = 10_000
"""How long brokers are looked for; the library's default of 30 s is long for who waits."""


class TopicsError(Exception):
    """Kafka can't be reached, or a topic is not as it must be; the message says which."""


@contextmanager
def kafka_admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Connect to the brokers. Raises TopicsError where they don't answer or refuse."""
    brokers = Brokers.of(settings)
    try:
        admin = KafkaAdminClient(**brokers.client, bootstrap_timeout_ms=BOOTSTRAP_MS)
    except KafkaError as error:
        raise TopicsError(
            f"no Kafka broker answers at {brokers.servers} (TONNAGE_BOOTSTRAP_SERVERS):"
            f" {why(brokers, error)}"
        ) from error
    try:
        yield admin
    except KafkaError as error:
        raise TopicsError(f"Kafka at {brokers.servers} refused: {why(brokers, error)}") from error
    finally:
        admin.close()
