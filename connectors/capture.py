"""Prepare the primary for the capture: a role, a heartbeat row, a publication, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from connectors.blocks import blocks
from connectors.captured import (
    HEARTBEAT_SCHEMA,
    HEARTBEAT_TABLE,
    captured_tables,
    published_tables,
)
from connectors.errors import ConnectorError
from connectors.primary import connection
from stream.settings import Settings

_SCRIPT_HEAD = r"""-- What Tonnage's capture needs in the primary. Run it as the tables' owner, who
-- may also make roles, with psql 15 or newer:
--     TONNAGE_CAPTURE_PASSWORD=... psql -v ON_ERROR_STOP=1 -f this-file DATABASE
\getenv capture_password TONNAGE_CAPTURE_PASSWORD
BEGIN;
"""


def prepare(settings: Settings) -> None:
    """Make what the capture needs, or mend what differs; harmless when all is there.

    Raises:
        ConnectorError: the primary can't be reached or refuses, has no logical WAL, or lacks a
            table or column that the settings name.
        SettingsError: the primary's address or the capture's password is not set.
    """
    password = settings.need("capture_password")
    with connection(settings) as primary:
        _check_wal_level(primary)
        _check_columns(primary, settings)
        # Hashed here, so that the password itself is in no log of the server's statements.
        verifier = primary.pgconn.encrypt_password(
            password.encode(), settings.capture_user.encode(), b"scram-sha-256"
        )
        for statement in _statements(settings, sql.Literal(verifier.decode())):
            primary.execute(statement)


def as_sql(settings: Settings) -> str:
    """Return what `prepare` runs, as a script for psql that gets the password on its own."""
    statements = _statements(settings, sql.SQL(":'capture_password'"))
    return _SCRIPT_HEAD + "\n\n".join(each.as_string() for each in statements) + "\n\nCOMMIT;\n"


def _statements(settings: Settings, password: sql.Composable) -> Iterator[sql.Composed]:
    captured = [(each.schema, each.name) for each in captured_tables(settings)]
    published = published_tables(settings)
    names = {
        "user": sql.Identifier(settings.capture_user),
        "user_name": sql.Literal(settings.capture_user),
        "password": password,
        "schema": sql.Identifier(settings.source_schema),
        "heartbeat_schema": sql.Identifier(HEARTBEAT_SCHEMA),
        "heartbeat": sql.Identifier(HEARTBEAT_SCHEMA, HEARTBEAT_TABLE),
        "captured": _list(sql.Identifier(*each) for each in captured),
        "publication": sql.Identifier(settings.publication),
        "publication_name": sql.Literal(settings.publication),
        "published": _list(sql.Identifier(*each) for each in published),
        "published_names": _list(
            sql.SQL("({})").format(_list(map(sql.Literal, each))) for each in published
        ),
    }
    for block in blocks("capture.sql").values():
        yield sql.SQL(block).format(**names)


def _list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _check_wal_level(primary: psycopg.Connection[tuple[Any, ...]]) -> None:
    row = primary.execute(blocks("inspect.sql")["wal_level"]).fetchone()
    if row is not None and row[0] != "logical":
        raise ConnectorError(
            f"the primary's wal_level is {row[0]!r}, and capturing changes needs 'logical'."
            " Run ALTER SYSTEM SET wal_level = 'logical' there and restart that server."
        )


def _check_columns(primary: psycopg.Connection[tuple[Any, ...]], settings: Settings) -> None:
    tables = {(each.schema, each.name): each for each in captured_tables(settings)}
    expected = Jsonb([asdict(each) for each in tables.values()])
    missing = primary.execute(blocks("inspect.sql")["missing_columns"], {"expected": expected})
    complaints = [
        f"column {tables[schema, name].qualified}.{column} (name it with TONNAGE_COLUMNS)"
        if table_exists
        else f"table {tables[schema, name].qualified} (name it with {tables[schema, name].setting})"
        for schema, name, column, table_exists in missing
    ]
    if complaints:
        raise ConnectorError(f"the primary has no {', no '.join(dict.fromkeys(complaints))}")
