"""What a look at the primary sees of a capture: the slot, the server, the captured tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from connectors.blocks import blocks
from connectors.captured import CapturedTable, captured_tables
from stream.settings import Settings


class Slot(msgspec.Struct, frozen=True):
    """The replication slot: the LSN that its reader has confirmed, and what is left of its WAL."""

    confirmed: int | None
    wal_status: str | None


class Table(msgspec.Struct, frozen=True):
    """A captured table; `oid` is None where there is none of that name.

    `file` changes when it is emptied by TRUNCATE, and when it is rewritten. `unfit` has the
    columns that are needed and lack, or whose type is another; it is given.
    """

    oid: int | None
    file: int | None
    published: bool
    unfit: dict[str, str | None]


class Sight(msgspec.Struct, frozen=True):
    """One look: the server's identity, the end of its log, the slot, the tables by their names."""

    system: int
    end: int
    slot: Slot | None
    tables: dict[str, Table]


def look(primary: psycopg.Connection[Any], settings: Settings) -> Sight:
    """Look at the primary. Raises psycopg.Error."""
    cursor = primary.cursor(row_factory=dict_row)
    row = cursor.execute(
        blocks("watch.sql")["look"],
        {
            "slot": settings.slot_name,
            "publication": settings.publication,
            "tables": Jsonb({each.qualified: _wanted(each) for each in captured_tables(settings)}),
        },
    ).fetchone()
    return msgspec.convert(row, Sight)


def _wanted(table: CapturedTable) -> dict[str, Any]:
    return {**asdict(table), "columns": table.types}
