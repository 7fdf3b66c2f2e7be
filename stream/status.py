"""How far each partition of each step is, and how fresh the answers are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from stream.admin import kafka_admin
from stream.generations import LIVE, Connection, Generation, generations, settings_of
from stream.names import Topics
from stream.settings import Settings
from stream.sink import Sink
from stream.topology import steps_of, topics_of

_QUARANTINED = "SELECT count(*) FROM public.quarantine"
_POINT = (
    "SELECT lsn::text, source_time, extract(epoch FROM clock_timestamp() - source_time)::float"
    " FROM tonnage.frontier WHERE generation = %s"
)


@dataclass(frozen=True)
class PartitionStatus:
    """A partition of a topic that a step reads; `lag` is the records it has not finished."""

    step: str
    topic: str
    partition: int
    position: int
    end: int

    @property
    def lag(self) -> int:
        """Records behind the end of the log."""
        return max(self.end - self.position, 0)


@dataclass(frozen=True)
class GenerationStatus:
    """A generation's state; `workers` are the group's members.

    `lsn` and `source_time` are the frontier, None before it is complete up to anywhere.
    """

    generation: int
    state: str
    epoch: int
    group_state: str
    workers: int
    lsn: str | None
    source_time: datetime | None
    lag_seconds: float | None
    partitions: tuple[PartitionStatus, ...]


@dataclass(frozen=True)
class StreamStatus:
    """Every live generation; `incidents` says why the answers can't be trusted, if they can't.

    `quarantined` counts the rows that the generation that serves leaves out.
    """

    generations: tuple[GenerationStatus, ...]
    incidents: str | None
    quarantined: int


def stream_status(settings: Settings) -> StreamStatus:
    """Look at the stream from outside: the broker's and the read store's word, no worker's."""
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        live = [each for each in generations(connection) if each.state in LIVE]
        points = {
            each.number: connection.execute(_POINT, [each.number]).fetchone() for each in live
        }
        row = connection.execute("SELECT incidents FROM tonnage.freshness").fetchone()
        quarantined = _count(connection) if row else 0
    with kafka_admin(settings) as admin:
        found = tuple(_look(admin, settings, each, points[each.number]) for each in live)
    return StreamStatus(found, row[0] if row else None, quarantined)


def _count(connection: Connection) -> int:
    row = connection.execute(_QUARANTINED).fetchone()
    assert row is not None  # noqa: S101 - a count has one row
    return int(row[0])


def _look(
    admin: KafkaAdminClient,
    settings: Settings,
    generation: Generation,
    point: tuple[str, datetime, float] | None,
) -> GenerationStatus:
    own = settings_of(settings, generation.capture)
    topics = topics_of(own, generation.number)
    group = admin.describe_groups([topics.group])[topics.group]
    lsn, source_time, lag = point or (None, None, None)
    return GenerationStatus(
        generation=generation.number,
        state=generation.state,
        epoch=generation.epoch,
        group_state=group["group_state"],
        workers=len(group["members"]),
        lsn=lsn,
        source_time=source_time,
        lag_seconds=lag,
        partitions=_partitions(admin, own, topics),
    )


def _partitions(
    admin: KafkaAdminClient, settings: Settings, topics: Topics
) -> tuple[PartitionStatus, ...]:
    read_by = {topic: step.name for step in steps_of(settings, topics) for topic in step.topics}
    read_by |= dict.fromkeys(topics.public, Sink.name)
    wanted = [TopicPartition(t, p) for t in read_by for p in range(topics.partitions)]
    ends = admin.list_partition_offsets(dict.fromkeys(wanted, OffsetSpec.LATEST))
    committed = admin.list_group_offsets(topics.group)[topics.group]
    return tuple(
        PartitionStatus(
            read_by[tp.topic],
            tp.topic,
            tp.partition,
            committed[tp].offset if tp in committed else 0,
            ends[tp].offset,
        )
        for tp in wanted
    )
