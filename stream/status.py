"""How far each partition of each step is, and how fresh the answers are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from stream.admin import kafka_admin
from stream.names import Topics
from stream.settings import Settings
from stream.sink import Sink
from stream.topology import steps_of


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
class StreamStatus:
    """A generation's state; `workers` are the group's members.

    `lsn` and `source_time` are the frontier, None before anything was served; `incidents`
    says why the answers can't be trusted, None where they can.
    """

    generation: int
    epoch: int
    group_state: str
    workers: int
    lsn: str | None
    source_time: datetime | None
    lag_seconds: float | None
    incidents: str | None
    partitions: tuple[PartitionStatus, ...]


def stream_status(settings: Settings, topics: Topics) -> StreamStatus:
    """Look at a generation from outside: the broker's and the read store's word, no worker's."""
    with kafka_admin(settings) as admin:
        group = admin.describe_groups([topics.group])[topics.group]
        partitions = _partitions(admin, settings, topics)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        row = connection.execute(
            "SELECT epoch, lsn::text, source_time,"
            " extract(epoch FROM clock_timestamp() - source_time)::float, incidents"
            " FROM tonnage.freshness WHERE generation = %s",
            [topics.generation],
        ).fetchone()
    epoch, lsn, source_time, lag, incidents = row or (0, None, None, None, None)
    return StreamStatus(
        generation=topics.generation,
        epoch=epoch,
        group_state=group["group_state"],
        workers=len(group["members"]),
        lsn=lsn,
        source_time=source_time,
        lag_seconds=lag,
        incidents=incidents,
        partitions=partitions,
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
