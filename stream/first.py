"""What serves before anything else does, or after the read store was emptied.

Kafka outlives a read store: of generations that the read store knows no more there are topics,
groups and published values. What is begun then has a higher number, so that it takes nothing
of theirs for its own, and a higher serving epoch, so that no published version goes back.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import psycopg
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from stream.admin import TopicsError, kafka_admin
from stream.brokers import Brokers
from stream.comparison import KEYS
from stream.engine.outbox import VERSION_HEADER
from stream.generations import Connection, Generation, begin, make_tables, serve, serving
from stream.read_store import migrate, script
from stream.settings import Settings
from stream.topology import topics_of
from stream.unreached import why

log = logging.getLogger(__name__)

_OF_A_GENERATION = re.compile(r"tonnage\.g(\d+)\.")
_POLL_MS = 200


def ensure_first(settings: Settings) -> Generation:
    """Return what serves; where nothing does, begin a generation and let it serve.

    Tables of it that are gone are made again. Raises TopicsError.
    """
    migrate(settings)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        # Workers that start together wait for each other here.
        connection.execute("LOCK TABLE tonnage.generation IN SHARE ROW EXCLUSIVE MODE")
        found = serving(connection)
        if found is None:
            serve(connection, _begin_beyond_kafka(connection, settings))
        elif _lacks(connection, found.schema, *KEYS, "position"):
            log.error("tables of generation %d are gone: they are filled again", found.number)
            make_tables(connection, found.number)
        elif _lacks(connection, "public", *KEYS) or _lacks(connection, "tonnage", "weekly_changes"):
            connection.execute(script("serve.sql", found.schema))
        found = serving(connection)
    assert found is not None  # noqa: S101 - it was made to serve just now
    return found


def left_in_kafka(settings: Settings) -> set[int]:
    """Return the numbers of the generations that have topics. Raises TopicsError."""
    with kafka_admin(settings) as admin:
        found = map(_OF_A_GENERATION.match, admin.list_topics())
        return {int(each[1]) for each in found if each}


def capture_in_kafka(settings: Settings) -> int:
    """Return the number of the latest capture that has topics. Raises TopicsError.

    Those of captures that feed nothing any more are deleted.
    """
    name = re.escape(settings.topic(settings.workout_table).removeprefix(settings.topic_prefix))
    of_a_capture = re.compile(rf"{re.escape(settings.topic_prefix)}(?:_(\d+))?{name}")
    with kafka_admin(settings) as admin:
        found = map(of_a_capture.fullmatch, admin.list_topics())
        return max((int(each[1] or 0) for each in found if each), default=0)


def _begin_beyond_kafka(connection: Connection, settings: Settings) -> Generation:
    """Begin a generation of a number and an epoch that Kafka has not seen."""
    if settings.bootstrap_servers is None:
        return begin(connection, settings)
    left = left_in_kafka(settings)
    if not left:
        return begin(connection, settings)
    log.warning("this read store knows nothing of generations that have topics: %s", sorted(left))
    connection.execute(
        "SELECT setval('tonnage.generation_number', greatest(%s, last_value))"
        " FROM tonnage.generation_number",
        [max(left)],
    )
    begun = begin(connection, settings, capture_in_kafka(settings))
    connection.execute(
        "UPDATE tonnage.generation SET epoch = %s WHERE number = %s",
        [published_epoch(settings), begun.number],
    )
    return begun


def published_epoch(settings: Settings) -> int:
    """Return the highest serving epoch at the ends of the public topics; 0 where there is none.

    Raises TopicsError.
    """
    brokers = Brokers.of(settings)
    try:
        consumer = KafkaConsumer(**brokers.client, enable_auto_commit=False)
        try:
            return max((_epoch(each) for each in _last_records(settings, consumer)), default=0)
        finally:
            consumer.close()
    except KafkaError as error:
        raise TopicsError(f"the public topics can't be read: {why(brokers, error)}") from error


def _last_records(settings: Settings, consumer: KafkaConsumer) -> Iterator[ConsumerRecord]:
    there = consumer.topics()
    parts = [
        TopicPartition(topic, partition)
        for topic in topics_of(settings, 0).public.values()
        if topic in there
        for partition in consumer.partitions_for_topic(topic) or ()
    ]
    consumer.assign(parts)
    begins, ends = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
    for part in parts:
        consumer.seek(part, max(begins[part], ends[part] - 1))
    while any(consumer.position(part) < ends[part] for part in parts):
        for records in consumer.poll(timeout_ms=_POLL_MS).values():
            yield from records


def _epoch(record: ConsumerRecord) -> int:
    found = next((value for name, value in record.headers if name == VERSION_HEADER), b"0.0")
    return int(found.partition(b".")[0])


def _lacks(connection: Connection, schema: str, *names: str) -> bool:
    row = connection.execute(
        "SELECT bool_or(to_regclass(%s || '.' || name) IS NULL) FROM unnest(%s::text[]) AS name",
        [schema, list(names)],
    ).fetchone()
    return bool(row and row[0])
