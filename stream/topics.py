"""Topics as they must be before a worker starts: partitions, cleanup policies, retention."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.admin import TopicsError, kafka_admin
from stream.generations import Generation, settings_of
from stream.names import PUBLIC_QUARANTINE, Topics
from stream.settings import Settings
from stream.topology import changelogs, topics_of

log = logging.getLogger(__name__)

DAY_MS = 24 * 60 * 60 * 1000
TOMBSTONES_MS = 30 * DAY_MS
"""How long deletions stay readable: a position older than this is a gap."""

COMPACTION_MS = 7 * DAY_MS
"""By when older records of a key are compacted away, at the next write to their partition."""

BOUND = "max.compaction.lag.ms"

COMPACTED = {
    "cleanup.policy": "compact",
    "delete.retention.ms": str(TOMBSTONES_MS),
    BOUND: str(COMPACTION_MS),
}
CHANGELOG = COMPACTED | {"min.compaction.lag.ms": str(DAY_MS)}
"""A day in which both the newest version of a key and a late writer's stay readable."""

LOG = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""Deleted below committed positions only, never by age."""

QUARANTINE = COMPACTED | {
    "cleanup.policy": "compact,delete",
    "retention.ms": str(TOMBSTONES_MS),
}
HEARTBEAT = {"cleanup.policy": "delete", "retention.ms": str(60 * 60 * 1000)}
SIGNALS = {"cleanup.policy": "delete", "retention.ms": str(DAY_MS)}
MAX_MESSAGE_BYTES = 8 << 20
HEARTBEAT_TOPIC_PREFIX = "tonnage.debezium-heartbeat"


@dataclass(frozen=True)
class TopicSpec:
    """A topic that must exist."""

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def shared_topics(settings: Settings) -> Iterator[TopicSpec]:
    """Name the topics that generations share: the capture's and the public ones."""
    yield from capture_topics(settings)
    for name in topics_of(settings, 0).public.values():
        config = QUARANTINE if name == PUBLIC_QUARANTINE else COMPACTED
        yield TopicSpec(name, settings.partitions, config)


def capture_topics(settings: Settings) -> Iterator[TopicSpec]:
    """Name the topics that a capture's connector writes, or reads."""
    for name in topics_of(settings, 0).source.all:
        yield TopicSpec(name, settings.partitions, COMPACTED)
    yield TopicSpec(heartbeat_topic(settings), 1, HEARTBEAT)
    yield TopicSpec(signal_topic(settings), 1, SIGNALS)
    yield TopicSpec(notification_topic(settings), 1, SIGNALS)


def heartbeat_topic(settings: Settings) -> str:
    """Name the topic of Debezium's own heartbeat records."""
    return f"{HEARTBEAT_TOPIC_PREFIX}.{settings.topic_prefix}"


def signal_topic(settings: Settings) -> str:
    """Name the topic by which Debezium is told to do something, a snapshot for one."""
    return f"tonnage.debezium-signals.{settings.topic_prefix}"


def notification_topic(settings: Settings) -> str:
    """Name the topic in which Debezium tells how far that is."""
    return f"tonnage.debezium-notifications.{settings.topic_prefix}"


def generation_topics(topics: Topics, changelogs: tuple[str, ...]) -> Iterator[TopicSpec]:
    """Name the topics of one generation."""
    for name in topics.logs:
        yield TopicSpec(name, topics.partitions, LOG)
    for name in topics.public:
        yield TopicSpec(name, topics.partitions, COMPACTED)
    for name in changelogs:
        yield TopicSpec(name, topics.partitions, CHANGELOG)


def prepare_topics(settings: Settings, generation: Generation) -> tuple[Settings, Topics]:
    """Make the topics of a generation, and those it shares, where they lack.

    Returns the settings of its capture, and its topics. Raises TopicsError.
    """
    own = settings_of(settings, generation.capture)
    topics = topics_of(own, generation.number)
    ensure_topics(own, *generation_topics(topics, changelogs(own, topics)))
    return own, topics


def ensure_topics(settings: Settings, *more: TopicSpec) -> None:
    """Make the shared topics, and more, where they lack. Raises TopicsError.

    A topic with another number of partitions is refused: a row's place depends on it.
    """
    wanted = {spec.name: spec for spec in (*shared_topics(settings), *more)}
    with kafka_admin(settings) as admin:
        _create(admin, settings, wanted)
        _compare(admin, wanted)
        _bound(admin, wanted)


def _create(admin: KafkaAdminClient, settings: Settings, wanted: dict[str, TopicSpec]) -> None:
    there = set(admin.list_topics())
    lacking = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": settings.replication_factor,
            "configs": spec.config | {"max.message.bytes": str(MAX_MESSAGE_BYTES)},
        }
        for spec in wanted.values()
        if spec.name not in there
    }
    if not lacking:
        return
    try:
        admin.create_topics(lacking)
    except TopicAlreadyExistsError:
        _create(admin, settings, wanted)
        return
    admin.wait_for_topics(list(lacking))


def _compare(admin: KafkaAdminClient, wanted: dict[str, TopicSpec]) -> None:
    for found in admin.describe_topics(list(wanted)):
        spec = wanted[found["name"]]
        partitions = len(found["partitions"])
        if partitions != spec.partitions:
            raise TopicsError(
                f"topic {spec.name} has {partitions} partitions, and {spec.partitions} are needed:"
                f" set TONNAGE_PARTITIONS={partitions}, or delete the topic and rebuild"
            )


def _bound(admin: KafkaAdminClient, wanted: dict[str, TopicSpec]) -> None:
    """Bound the age of what is not compacted, on topics that were made without; others stay.

    Who may not alter topics goes on, and is told.
    """
    kind = ConfigResourceType.TOPIC
    bounded = {name: spec.config[BOUND] for name, spec in wanted.items() if BOUND in spec.config}
    try:
        found = admin.describe_configs([ConfigResource(kind, name) for name in bounded])["topic"]
        lacking = [
            ConfigResource(kind, name, {BOUND: value})
            for name, value in bounded.items()
            if BOUND not in found[name]
        ]
        if lacking:
            admin.alter_configs(lacking)
    except KafkaError as error:
        log.warning("%s can't be set on topics that lack it: %s", BOUND, error)
