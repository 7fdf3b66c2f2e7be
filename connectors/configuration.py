"""Debezium's configuration: `postgres.json` with the settings filled in.

The heartbeat does two things at two paces. Every `HEARTBEAT_CHECK_MS` Debezium emits a record,
and with it its position becomes visible: a commit's own LSN is known only by the record that
follows it. The row in the primary is written no oftener than the settings say: in between, the
query finds nothing to do, and costs the primary neither WAL nor a transaction id.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from string import Template

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from connectors.captured import HEARTBEAT_SCHEMA, HEARTBEAT_TABLE, captured_tables
from connectors.errors import ConnectorError
from stream.brokers import Brokers, jaas
from stream.settings import Settings
from stream.topics import HEARTBEAT_TOPIC_PREFIX, notification_topic, signal_topic

HEARTBEAT_CHECK_MS = 200

_CERTIFICATES = ("sslrootcert", "sslcert", "sslkey")
_HIDDEN = "********"


def render(settings: Settings) -> dict[str, str]:
    """Return the connector's configuration. Raises SettingsError, ConnectorError."""
    template: dict[str, str] = json.loads(files("connectors").joinpath("postgres.json").read_text())
    source, brokers = _source(settings), Brokers.of(settings)
    values = {
        **settings.model_dump(include={"capture_user", "slot_name", "publication", "topic_prefix"}),
        "capture_password": settings.need("capture_password"),
        "host": source.get("host", "localhost"),
        "port": source.get("port", "5432"),
        "database": source.get("dbname", "postgres"),
        "sslmode": source.get("sslmode", "prefer"),
        "heartbeat_topic_prefix": HEARTBEAT_TOPIC_PREFIX,
        "signal_topic": signal_topic(settings),
        "notification_topic": notification_topic(settings),
        "bootstrap_servers": brokers.servers,
        "heartbeat_check_ms": str(min(HEARTBEAT_CHECK_MS, settings.heartbeat_interval_ms)),
        "heartbeat_query": _heartbeat_query(settings.heartbeat_interval_ms),
        "tables": _tables(settings),
        "columns": _columns(settings),
    }
    filled = {key: Template(value).substitute(values) for key, value in template.items()}
    certificates = {f"database.{key}": source[key] for key in _CERTIFICATES if key in source}
    return filled | certificates | brokers.java("signal.consumer.")


def redact(text: str, settings: Settings) -> str:
    """Return `text` without the passwords that the settings hold."""
    held = (settings.capture_password, settings.kafka_password, settings.connect_password)
    secrets = [each.get_secret_value() for each in held if each is not None]
    secrets += [jaas(each)[1:-1] for each in secrets]
    if settings.source_dsn is not None:
        secrets.append(_source(settings).get("password", ""))
    for secret in filter(None, secrets):
        text = text.replace(secret, _HIDDEN)
    return text


def _source(settings: Settings) -> dict[str, str]:
    """Return the parts of the primary's address."""
    try:
        parts = conninfo_to_dict(settings.need("source_dsn"))
    except ProgrammingError as error:
        # The driver's message may quote the address, and the address may hold a password.
        raise ConnectorError(
            "TONNAGE_SOURCE_DSN is no PostgreSQL address"
            " (postgresql://user:password@host:port/database)"
        ) from error
    return {key: str(value) for key, value in parts.items() if value is not None}


def _heartbeat_query(interval_ms: int) -> str:
    return (
        f"UPDATE {HEARTBEAT_SCHEMA}.{HEARTBEAT_TABLE} SET beat_at = clock_timestamp()"  # noqa: S608 -- our own names
        f" WHERE beat_at <= clock_timestamp() - interval '{interval_ms} milliseconds'"
    )


def _tables(settings: Settings) -> str:
    """Return Debezium's list of tables: regular expressions that match whole names."""
    return ",".join(_pattern(each.schema, each.name) for each in captured_tables(settings))


def _columns(settings: Settings) -> str:
    return ",".join(
        _pattern(table.schema, table.name, column)
        for table in captured_tables(settings)
        for column in table.columns
    )


def _pattern(*names: str) -> str:
    return r"\.".join(re.escape(name).replace(",", r"\,") for name in names)
