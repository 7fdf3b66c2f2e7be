"""Kafka Connect, the topics, the read store and the clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
from kafka.admin import ConfigResource, ConfigResourceType

from connectors.configuration import redact, render
from connectors.connect import Connect
from connectors.doctor.finding import Finding, Kind, Severity
from connectors.errors import ConnectorError
from connectors.state import MISSING, PAUSED, RUNNING, STOPPED, read_connector
from stream.admin import TopicsError, kafka_admin
from stream.generations import serving
from stream.settings import Settings
from stream.topics import MAX_MESSAGE_BYTES, TopicSpec, shared_topics

ERROR, WARNING = Severity.ERROR, Severity.WARNING

CLOCKS_APART = timedelta(seconds=2)
_APPLY = "tonnage connector apply"
_COUNTED = (
    "cleanup.policy",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "retention.ms",
)


def check_connect(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with Kafka Connect and the connector there."""
    connect = Connect.of(settings)
    try:
        wrong = connect.validate(render(settings))
        state = read_connector(settings, connect)
    except ConnectorError as error:
        yield Finding(
            Kind.CONNECT, ERROR, redact(str(error), settings), "no change is captured",
            command="start it, or set TONNAGE_CONNECT_URL",
        )  # fmt: skip
        return
    for option, errors in wrong.items():
        yield Finding(
            Kind.CONNECT_REFUSES.of(option),
            ERROR,
            redact(f"Kafka Connect refuses {option}: {' '.join(errors)}", settings),
            "the connector can't be made",
            command="see what it says; exactly.once.source.support=enabled is set on its workers",
        )
    if state.state == MISSING:
        yield Finding(
            Kind.CONNECTOR_MISSING, ERROR, f"there is no connector {settings.connector_name}",
            "no change is captured", command=_APPLY, safe=True,
        )  # fmt: skip
    elif state.failure:
        yield Finding(
            Kind.CONNECTOR_FAILED, ERROR, f"the connector has failed: {state.failure}",
            "no change is captured", command="tonnage connector restart", safe=True,
        )  # fmt: skip
    elif state.state in (PAUSED, STOPPED):
        yield Finding(
            Kind.CONNECTOR_PAUSED, WARNING, f"the connector is {state.state.lower()}",
            "no change is captured, and the slot holds WAL back",
            command="tonnage connector resume",
        )  # fmt: skip
    elif not state.all_are(RUNNING):
        yield Finding(
            Kind.CONNECTOR_NOT_RUNNING, WARNING, f"the connector is {state.state}, without a task",
            "it is starting, waits for a transaction that is open on the primary, or tries again"
            " and again: Kafka Connect's log says why",
            command="tonnage connector status",
        )  # fmt: skip


def check_topics(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the topics that the capture writes and the public ones."""
    wanted = {spec.name: spec for spec in shared_topics(settings)}
    try:
        with kafka_admin(settings) as admin:
            there = set(admin.list_topics()).intersection(wanted)
            partitions = {
                found["name"]: len(found["partitions"])
                for found in (admin.describe_topics(sorted(there)) if there else ())
            }
            asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(there)]
            answer = admin.describe_configs(asked, config_filter="all") if asked else {}
    except TopicsError as error:
        yield Finding(
            Kind.KAFKA, ERROR, str(error), "nothing flows",
            command="start it, or set TONNAGE_BOOTSTRAP_SERVERS",
        )  # fmt: skip
        return
    configs = {name: found for each in answer.values() for name, found in each.items()}
    for name, spec in wanted.items():
        if name not in there:
            yield Finding(
                Kind.TOPIC_MISSING.of(name), ERROR, f"there is no topic {name}",
                "the connector or the workers can't write there", command=_APPLY, safe=True,
            )  # fmt: skip
            continue
        if partitions[name] != spec.partitions:
            yield Finding(
                Kind.TOPIC_PARTITIONS.of(name),
                ERROR,
                f"{name} has {partitions[name]} partitions, and {spec.partitions} are expected",
                "a row's order and place depend on it",
                command=f"set TONNAGE_PARTITIONS={partitions[name]}, or rebuild with new topics",
            )
        yield from _configs(spec, {key: str(each["value"]) for key, each in configs[name].items()})


def _configs(spec: TopicSpec, found: dict[str, str]) -> Iterator[Finding]:
    for key, value in (spec.config | {"max.message.bytes": str(MAX_MESSAGE_BYTES)}).items():
        held = found.get(key)
        if key in _COUNTED and held is not None and _sorted(held) != _sorted(value):
            yield Finding(
                Kind.TOPIC_CONFIG.of(f"{spec.name}:{key}"),
                ERROR,
                f"{spec.name} has {key}={held}, and {value} is expected",
                "rows or deletions may be gone before they are read, or too large to be written",
                command=f"kafka-configs.sh --alter --entity-type topics --entity-name {spec.name}"
                f" --add-config '{key}=[{value}]'",
                safe=True,
            )


def _sorted(value: str) -> list[str]:
    return sorted(value.split(","))


def check_read_store(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the read store, its clock included."""
    try:
        with psycopg.connect(settings.need("read_store_dsn"), connect_timeout=10) as connection:
            there = connection.execute("SELECT to_regclass('tonnage.watch')").fetchone()
            if there is None or there[0] is None:
                yield Finding(
                    Kind.READ_STORE_EMPTY, ERROR,
                    "the read store has not the tables of this version", "nothing can be served",
                    command="tonnage stream run",
                )  # fmt: skip
                return
            if serving(connection) is None:
                yield Finding(
                    Kind.NOTHING_SERVES, WARNING, "no generation serves yet",
                    "the API has nothing to answer from", command="tonnage stream run",
                )  # fmt: skip
            writes = connection.execute(
                "SELECT has_table_privilege('tonnage.frontier', 'INSERT'), clock_timestamp()"
            ).fetchone()
    except psycopg.Error as error:
        yield Finding(
            Kind.READ_STORE, ERROR,
            f"the read store does not answer: {' '.join(str(error).split())}",
            "nothing can be served",
            command="start it, or set TONNAGE_READ_STORE_DSN",
        )  # fmt: skip
        return
    may_write, now = writes or (False, datetime.now(UTC))
    if not may_write:
        yield Finding(
            Kind.READ_STORE_DENIED, ERROR, "the read store's role may not write its tables",
            "no figure can be stored", command="set TONNAGE_READ_STORE_DSN to their owner",
        )  # fmt: skip
    yield from check_clock("read store", now)


def check_clock(whose: str, now: datetime) -> Iterator[Finding]:
    """Yield a finding where a server's clock is not ours."""
    apart = now - datetime.now(UTC)
    if abs(apart) > CLOCKS_APART:
        yield Finding(
            Kind.CLOCK.of(whose.replace(" ", "-")),
            WARNING,
            f"the {whose}'s clock is {apart.total_seconds():+.1f} s from this machine's",
            "how fresh the answers are is told wrongly",
            command="let both follow one time server",
        )
