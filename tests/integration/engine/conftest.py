"""The real broker of the session's stack, and names of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient

from stream.brokers import Brokers
from stream.settings import Settings
from tests.integration.engine.harness import Broker


@pytest.fixture(scope="session")
def broker(stack: Settings) -> Iterator[Broker]:
    brokers = Brokers.of(stack)
    admin = KafkaAdminClient(**brokers.client)
    yield Broker(brokers, admin)
    admin.close()


@pytest.fixture
def group() -> str:
    return f"engine-{uuid4()}"


@pytest.fixture
def topic(broker: Broker) -> str:
    return broker.topic()
