"""The doctor: looks at everything the capture needs, and mends what can be mended safely."""

from __future__ import annotations

import psycopg
from kafka.admin import ConfigResource, ConfigResourceType

from connectors import applying, registration
from connectors.configuration import redact
from connectors.doctor import parts, primary
from connectors.doctor.finding import Finding, Kind, Severity
from connectors.doctor.seen import read
from connectors.errors import ConnectorError
from connectors.primary import connection
from stream.admin import kafka_admin
from stream.settings import Settings
from stream.topics import MAX_MESSAGE_BYTES, shared_topics

_APPLY = "tonnage connector apply"
_RESTART = "tonnage connector restart"


def examine(settings: Settings) -> list[Finding]:
    """Return all that is wrong, the parts one after the other; one that is away is a finding."""
    return [
        *examine_primary(settings),
        *parts.check_connect(settings),
        *parts.check_topics(settings),
        *parts.check_read_store(settings),
    ]


def examine_primary(settings: Settings) -> list[Finding]:
    """Return what is wrong with the primary."""
    try:
        with connection(settings) as opened:
            found = read(opened, settings)
    except ConnectorError as error:
        return [
            Finding(
                Kind.PRIMARY, Severity.ERROR, str(error), "no change can be captured",
                command="start it, or set TONNAGE_SOURCE_DSN",
            )
        ]  # fmt: skip
    return [*primary.check(found, settings), *parts.check_clock("primary", found.now)]


def fix(settings: Settings, findings: list[Finding]) -> list[Finding]:
    """Mend what is safe to mend; return what that was. Raises ConnectorError, TopicsError."""
    safe = [each for each in findings if each.safe]
    _run([statement for each in safe for statement in each.sql], settings)
    commands = {each.command for each in safe if not each.sql}
    if _APPLY in commands:
        applying.apply(settings)
    if _RESTART in commands:
        registration.restart(settings)
    _configure([each for each in safe if each.kind == Kind.TOPIC_CONFIG], settings)
    return safe


def _run(statements: list[str], settings: Settings) -> None:
    try:
        with psycopg.connect(settings.need("source_dsn"), autocommit=True) as opened:
            for statement in statements:
                opened.execute(statement.encode())
    except psycopg.Error as error:
        what = redact(" ".join(str(error).split()), settings)
        raise ConnectorError(f"the primary (TONNAGE_SOURCE_DSN) refuses: {what}") from error


def _configure(findings: list[Finding], settings: Settings) -> None:
    wanted = {spec.name: spec.config for spec in shared_topics(settings)}
    topics = {each.name.split(":")[1] for each in findings}
    if not topics:
        return
    most = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
    with kafka_admin(settings) as admin:
        admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, name, configs=wanted[name] | most)
                for name in sorted(topics)
            ]
        )
