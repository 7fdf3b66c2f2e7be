"""The read store's schema: migrations of what is shared, tables of a generation, the views."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
from yoyo import get_backend, read_migrations

from stream.names import Topics
from stream.notices import CHANNEL, switch_notice
from stream.settings import Settings, SettingsError
from stream.topology import topics_of

MIGRATIONS = Path(__file__).parent / "sql" / "migrations"


def script(name: str, schema: str) -> bytes:
    """Return an SQL script with the generation's schema in place."""
    text = resources.files("stream").joinpath("sql", name).read_text()
    return text.replace("{schema}", schema).encode()


def migrate(settings: Settings) -> None:
    """Bring the read store's shared tables up to date; several callers may do so at once."""
    dsn = settings.need("read_store_dsn")
    if not dsn.startswith("postgresql://"):
        raise SettingsError(
            "TONNAGE_READ_STORE_DSN must be a URL: postgresql://user:password@host/db"
        )
    backend = get_backend("postgresql+psycopg://" + dsn.removeprefix("postgresql://"))
    with backend, backend.lock(timeout=60):
        backend.apply_migrations(backend.to_apply(read_migrations(str(MIGRATIONS))))


def serving_generation(connection: psycopg.Connection[Any]) -> int | None:
    """Return the number of the generation that serves; None before the first."""
    row = connection.execute(
        "SELECT number FROM tonnage.generation WHERE state = 'serving'"
    ).fetchone()
    return None if row is None else int(row[0])


def built_from(settings: Settings) -> dict[str, Any]:
    """Return what a generation's figures depend on beside the source's rows."""
    return {
        "timezone": settings.timezone,
        "partitions": settings.partitions,
        "columns": settings.columns,
        "topics": topics_of(settings, 0).source.all,
        "state_format": STATE_FORMAT,
    }


STATE_FORMAT = 1
"""Raised whenever a step's state or messages are read otherwise than before."""


def begin_generation(
    connection: psycopg.Connection[Any], settings: Settings, topics: Topics
) -> None:
    """Make a generation's tables where they lack, and let the first one serve.

    Raises SettingsError where the generation was built from other settings than ours.
    """
    wanted = json.loads(json.dumps(built_from(settings)))
    with connection.transaction():
        connection.execute("LOCK TABLE tonnage.generation IN SHARE ROW EXCLUSIVE MODE")
        row = connection.execute(
            "SELECT built_from FROM tonnage.generation WHERE number = %s", [topics.generation]
        ).fetchone()
        if row is None:
            connection.execute(
                "INSERT INTO tonnage.generation (number, state, built_from)"
                " VALUES (%s, 'building', %s)",
                [topics.generation, json.dumps(wanted)],
            )
            connection.execute(script("generation.sql", topics.schema))
        elif row[0] != wanted:
            differing = sorted(name for name in wanted if row[0].get(name) != wanted[name])
            raise SettingsError(
                f"generation {topics.generation} was built with other settings"
                f" ({', '.join(differing)}): run `tonnage stream reset` to build a new one,"
                " or set them back"
            )
        if serving_generation(connection) is None:
            serve(connection, topics)


def serve(connection: psycopg.Connection[Any], topics: Topics) -> None:
    """Point the views at a generation, and raise the serving epoch: one transaction."""
    with connection.transaction():
        connection.execute(script("serve.sql", topics.schema))
        connection.execute("UPDATE tonnage.generation SET state = 'kept' WHERE state = 'serving'")
        connection.execute(
            "UPDATE tonnage.generation SET state = 'serving', served_at = now(),"
            " epoch = (SELECT max(epoch) + 1 FROM tonnage.generation) WHERE number = %s",
            [topics.generation],
        )
        connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, switch_notice(topics.generation)])
