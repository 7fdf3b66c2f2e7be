"""What the doctor sees of the primary, in one statement and so at one moment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from connectors.blocks import blocks
from connectors.captured import HEARTBEAT_SCHEMA, HEARTBEAT_TABLE, captured_tables
from stream.settings import Settings

HEARTBEAT = f"{HEARTBEAT_SCHEMA}.{HEARTBEAT_TABLE}"


class Slot(msgspec.Struct, frozen=True):
    """The replication slot; `retained` is in bytes, `failover` None before PostgreSQL 17."""

    wal_status: str | None
    active: bool
    plugin: str | None
    failover: bool | None
    retained: float | None


class Publication(msgspec.Struct, frozen=True):
    """What is published, and of which tables."""

    inserts: bool
    updates: bool
    deletes: bool
    tables: list[str]


class Role(msgspec.Struct, frozen=True):
    """The attributes of the capture's role."""

    login: bool
    replication: bool
    super: bool


class Table(msgspec.Struct, frozen=True):
    """A table as the capture finds it; `key` has the columns and types of the primary key."""

    exists: bool
    identity: str | None
    key: list[tuple[str, str]]
    readable: bool
    writable: bool
    unfit: dict[str, str | None]


class Primary(msgspec.Struct, frozen=True):
    """All that is looked at."""

    version: int
    wal_level: str
    in_recovery: bool
    max_slots: int
    slots: int
    max_senders: int
    senders: int
    keep_size: str
    now: datetime
    slot: Slot | None
    publication: Publication | None
    role: Role | None
    tables: dict[str, Table]


def read(primary: psycopg.Connection[Any], settings: Settings) -> Primary:
    """Read what is looked at. Raises psycopg.Error."""
    expected = {
        each.qualified: {**asdict(each), "columns": each.types}
        for each in captured_tables(settings)
    }
    expected[HEARTBEAT] = {"schema": HEARTBEAT_SCHEMA, "name": HEARTBEAT_TABLE, "columns": {}}
    row = (
        primary.cursor(row_factory=dict_row)
        .execute(
            blocks("doctor.sql")["primary"],
            {
                "slot": settings.slot_name,
                "publication": settings.publication,
                "user": settings.capture_user,
                "tables": Jsonb(expected),
            },
        )
        .fetchone()
    )
    return msgspec.convert(row, Primary)
