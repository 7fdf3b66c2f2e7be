"""Which transactions are forgotten, and which go on: only the first may be aborted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import (
    AbortTransactionSpec,
    PartitionProducerState,
    ProducerState,
    TransactionDescription,
    TransactionListing,
    TransactionState,
)

from connectors.watch import forgotten
from connectors.watch.forgotten import abort_forgotten
from stream.settings import load_settings

OFFSETS = TopicPartition("tonnage.connect-offsets", 0)
OWN = "tonnage-connect-tonnage-0"
PRODUCER = 1020
OPEN_AT, NOT_OPEN = 6584, -1


class Kafka:
    """What a broker says of one producer: where the records are, and where it is coordinated."""

    def __init__(self) -> None:
        self.name = OWN
        self.epoch = 621
        self.start = OPEN_AT
        self.coordinated = TransactionState.EMPTY
        self.newest_epoch = 623
        self.aborted: list[AbortTransactionSpec] = []

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"name": name, "partitions": [{"partition_index": 0}]} for name in names]

    def describe_producers(
        self, places: list[TopicPartition]
    ) -> dict[TopicPartition, PartitionProducerState]:
        assert OFFSETS in places
        state = ProducerState(PRODUCER, self.epoch, 0, 0, 2, self.start)
        return {OFFSETS: PartitionProducerState([state])}

    def list_transactions(self) -> dict[int, list[TransactionListing]]:
        return {1: [TransactionListing(self.name, PRODUCER, self.coordinated)]}

    def describe_transactions(self, names: list[str]) -> dict[str, TransactionDescription]:
        found = TransactionDescription(
            1, self.coordinated, PRODUCER, self.newest_epoch, 60_000, -1, set()
        )
        return dict.fromkeys(names, found)

    def abort_transaction(self, spec: AbortTransactionSpec) -> None:
        self.aborted.append(spec)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka()

    @contextmanager
    def admin(_: object) -> Iterator[Kafka]:
        yield made

    monkeypatch.setattr(forgotten, "kafka_admin", admin)
    return made


def abort(home: Path) -> list[str]:
    return abort_forgotten(load_settings(home=home))


def test_one_whose_coordinator_has_nothing_open_at_a_newer_epoch_is_aborted(
    kafka: Kafka, tmp_path: Path
) -> None:
    assert abort(tmp_path) == ["tonnage.connect-offsets-0"]
    assert kafka.aborted == [AbortTransactionSpec(OFFSETS, PRODUCER, 621, 2)]


def goes_on(kafka: Kafka) -> None:
    kafka.coordinated = TransactionState.ONGOING


def is_being_ended(kafka: Kafka) -> None:
    kafka.coordinated = TransactionState.PREPARE_ABORT


def began_after_the_look(kafka: Kafka) -> None:
    kafka.newest_epoch = kafka.epoch


def is_over(kafka: Kafka) -> None:
    kafka.start = NOT_OPEN


def is_somebody_elses(kafka: Kafka) -> None:
    kafka.name = "tonnage-connect-other-0"


@pytest.mark.parametrize(
    "change", [goes_on, is_being_ended, began_after_the_look, is_over, is_somebody_elses]
)
def test_any_other_is_left_alone(kafka: Kafka, tmp_path: Path, change: Any) -> None:
    change(kafka)
    assert abort(tmp_path) == []
    assert kafka.aborted == []
