"""A closer look at a table that may hold ghosts.

A ghost is a row that is held, and that the primary does not have. A deletion makes none: once
the stream has passed it, it is not held any more. So the rows that the primary lacks are looked
for after the stream has passed the moment at which the new file was seen, and those that are
still held when it has passed the end of that search are ghosts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from connectors.blocks import blocks
from connectors.captured import CapturedTable
from connectors.watch.judgement import Mark, Verdict
from stream.generations import Connection, Generation
from stream.settings import Settings

_AT_ONCE = 50_000
_END = "SELECT (pg_current_wal_lsn() - '0/0')::bigint"
_FRONTIER = "SELECT (lsn - '0/0')::bigint FROM tonnage.frontier WHERE generation = %s"


@dataclass
class Suspicion:
    """A table that has had this mark since `passed`, an LSN; `lacking` are maybe ghosts."""

    table: CapturedTable
    mark: Mark
    passed: int
    lacking: frozenset[int] | None = None
    verdict: Verdict = Verdict.OPEN

    def look_closer(
        self,
        primary: psycopg.Connection[Any],
        read_store: Connection,
        settings: Settings,
        generation: Generation,
    ) -> Verdict:
        """Go on as far as the stream allows. Raises psycopg.Error."""
        row = read_store.execute(_FRONTIER, [generation.number]).fetchone()
        if self.verdict is not Verdict.OPEN or row is None or row[0] < self.passed:
            return self.verdict
        held = _held(read_store, self.table, settings, generation)
        if self.lacking is None:
            self.lacking = _lacking(primary, self.table, held)
            end = primary.execute(_END).fetchone()
            self.passed = end[0] if end else self.passed
            if not self.lacking:
                self.verdict = Verdict.CLEAN
        else:
            self.verdict = Verdict.HAUNTED if self.lacking & held else Verdict.CLEAN
        return self.verdict


def _held(
    read_store: Connection, table: CapturedTable, settings: Settings, generation: Generation
) -> frozenset[int]:
    statement = blocks("held.sql")[table.kind].replace("{schema}", generation.schema)
    found = read_store.execute(
        statement.encode(),
        {
            "topic": settings.topic(table.name),
            "key": rf'^\{{"{re.escape(table.id_column)}":(-?[0-9]+)\}}$',
        },
    )
    return frozenset(held for (held,) in found)


def _lacking(
    primary: psycopg.Connection[Any], table: CapturedTable, held: frozenset[int]
) -> frozenset[int]:
    statement = sql.SQL(blocks("watch.sql")["missing"]).format(
        table=sql.Identifier(table.schema, table.name), id=sql.Identifier(table.id_column)
    )
    ids = sorted(held)
    lacking: set[int] = set()
    for begin in range(0, len(ids), _AT_ONCE):
        row = primary.execute(statement, {"ids": ids[begin : begin + _AT_ONCE]}).fetchone()
        lacking.update(row[0] or () if row else ())
    return frozenset(lacking)
