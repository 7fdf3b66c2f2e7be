"""Have Debezium read the captured tables again while it goes on with the changes.

A message in the signal topic asks for it, by an id of its own; under that id Debezium tells in the
notification topic how far it is. It reads in chunks, and drops from each what the log has changed
meanwhile: no row is emitted older than it was said to be before.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from connectors.captured import captured_tables
from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.state import RUNNING, read_connector
from stream.brokers import Brokers
from stream.settings import Settings
from stream.topics import notification_topic, signal_topic
from stream.unreached import why

_READ = ("SUCCEEDED", "EMPTY")
_POLL_MS = 200
_APPLY = "run `tonnage connector apply`"


class Told(msgspec.Struct):
    """A notification; `type` is STARTED, IN_PROGRESS, TABLE_SCAN_COMPLETED, COMPLETED, ABORTED."""

    id: str
    type: str
    aggregate_type: str = ""
    additional_data: dict[str, str] = {}


decode = msgspec.json.Decoder(Told).decode


def take(settings: Settings, timeout: float, seen: Callable[[str], None]) -> dict[str, int]:
    """Read every row of the captured tables again; return how many, by table.

    Tells `seen` which table is being read. `timeout` is in seconds without a word of Debezium.

    Raises:
        ConnectorError: the connector does not run, knows no signals, says nothing, or failed.
    """
    _check(settings)
    brokers = Brokers.of(settings)
    try:
        with closing(KafkaConsumer(**brokers.client, enable_auto_commit=False)) as told:
            place = TopicPartition(notification_topic(settings), 0)
            told.assign([place])
            told.seek(place, told.end_offsets([place])[place])
            return _follow(_told_of(told, _ask(settings), timeout), seen)
    except KafkaError as error:
        raise ConnectorError(
            f"Kafka at {brokers.servers} refuses: {why(brokers, error)}"
        ) from error


def _check(settings: Settings) -> None:
    connect = Connect.of(settings)
    connector = read_connector(settings, connect)
    if not connector.all_are(RUNNING):
        raise ConnectorError(
            f"the connector {settings.connector_name!r} does not run, it is {connector.state}:"
            " `tonnage connector status` says why"
        )
    if (connect.config() or {}).get("signal.kafka.topic") != signal_topic(settings):
        raise ConnectorError(
            f"the connector {settings.connector_name!r} does not listen to signals: {_APPLY}"
        )


def _ask(settings: Settings) -> str:
    """Ask for the snapshot; return the id under which Debezium tells of it."""
    identity = str(uuid4())
    tables = [rf"{re.escape(t.schema)}\.{re.escape(t.name)}" for t in captured_tables(settings)]
    signal = {
        "id": identity,
        "type": "execute-snapshot",
        "data": {"type": "INCREMENTAL", "data-collections": tables},
    }
    with closing(KafkaProducer(**Brokers.of(settings).client)) as producer:
        value, key = json.dumps(signal).encode(), settings.topic_prefix.encode()
        producer.send(signal_topic(settings), value, key, partition=0).get(timeout=10)
    return identity


def _told_of(consumer: KafkaConsumer, identity: str, timeout: float) -> Iterator[Told]:
    heard = time.monotonic()
    while time.monotonic() < heard + timeout:
        for records in consumer.poll(timeout_ms=_POLL_MS).values():
            for told in (decode(record.value) for record in records):
                if told.id == identity:
                    heard = time.monotonic()
                    yield told
    raise ConnectorError(
        f"Debezium has said nothing of the snapshot {identity} for {timeout:g} s. It goes on with"
        " it by itself when it runs again: `tonnage connector status` says whether it does."
    )


def _follow(told: Iterator[Told], seen: Callable[[str], None]) -> dict[str, int]:
    """Return the rows read of each table. Raises ConnectorError where one could not be read."""
    rows: dict[str, int] = {}
    for each in told:
        data = each.additional_data
        if each.type == "IN_PROGRESS":
            seen(data.get("current_collection_in_progress", ""))
        elif each.type == "TABLE_SCAN_COMPLETED":
            table = data["scanned_collection"]
            if data["status"] not in _READ:
                raise ConnectorError(f"Debezium could not read {table} again: {data['status']}")
            rows[table] = int(data["total_rows_scanned"])
        elif each.type == "COMPLETED":
            break
        elif each.type == "ABORTED":
            raise ConnectorError("Debezium has given the snapshot up; Kafka Connect's log says why")
    return rows
