"""The sink's SQL: what takes rows into a generation's tables, and the one statement of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from stream.engine.outbox import VERSION_HEADER
from stream.names import Topics
from stream.read_store import statements_of

TABLES = ("weekly_stats", "workouts", "exercises", "personal_records", "quarantine")

Keys = Sequence[Mapping[str, str | int]]

_decode_key = msgspec.json.Decoder(dict[str, str | int]).decode


class Row(NamedTuple):
    """The newest message of a key in a batch."""

    partition: int
    key: bytes
    value: bytes | None
    version: int


class Output(Protocol):
    """A record of an output topic, whoever has read it."""

    @property
    def key(self) -> bytes | None:
        """What the record is about; a step's output has one."""

    @property
    def value(self) -> bytes | None:
        """What is said of it; None that it is gone."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes]]:
        """The version, among others."""


def keep_newest(kept: dict[bytes, Row], partition: int, record: Output) -> None:
    """Keep the record of highest version of each key; a later one wins ties."""
    assert record.key is not None  # noqa: S101 - our own step wrote it
    version = next(int(value) for name, value in record.headers if name == VERSION_HEADER)
    known = kept.get(record.key)
    if known is None or version >= known.version:
        kept[record.key] = Row(partition, record.key, record.value, version)


def tables_of(topics: Topics) -> dict[str, str]:
    """Return the table of each output topic."""
    named = (
        topics.weekly_stats,
        topics.workouts,
        topics.exercises,
        topics.records,
        topics.quarantine,
    )
    return dict(zip(named, TABLES, strict=True))


def statements(schema: str) -> dict[str, bytes]:
    """Return the statements by name, for the tables of a generation; see `sink.sql`."""
    named = statements_of("sink.sql").items()
    return {name: body.replace("{schema}", schema).encode() for name, body in named}


def arrays_of(rows: Iterable[Row]) -> dict[str, list[Any]]:
    """Return what a table's statement takes."""
    keys, values, versions = [], [], []
    for row in rows:
        keys.append(row.key.decode())
        values.append(None if row.value is None else row.value.decode())
        versions.append(row.version)
    return {"keys": keys, "values": values, "versions": versions}


def batch_statement(schema: str) -> bytes:
    """Return the one statement that writes a batch: rows, notices and positions.

    It takes what the statements of `sink.sql` take, a table's arrays with its name before them.
    Its one row is what `standing` returns, of before; then, for each table, the keys that it
    took, null where it took them all; then how many notices were sent.
    """
    named = statements(schema)
    parts = {table: named[table].replace(b"%(", b"%%(%b_" % table.encode()) for table in TABLES}
    parts |= {"told": named["notify"], "kept": named["positions"]}
    bodies = b",\n".join(b"%b AS (\n%b)" % (name.encode(), body) for name, body in parts.items())
    taken = b",\n".join(_TAKEN.replace(b"{table}", table.encode()) for table in TABLES)
    return b"WITH %b\n%b,\n%b,\n(SELECT count(*) FROM told)" % (bodies, named["standing"], taken)


_TAKEN = b"""CASE WHEN (SELECT count(*) FROM {table}) < cardinality(%({table}_keys)b::text[])
     THEN (SELECT coalesce(json_agg({table}), '[]') FROM {table}) END"""


def batch_arrays(rows: Mapping[str, Iterable[Row]]) -> dict[str, list[Any]]:
    """Return what the one statement takes of rows by their table."""
    return {
        f"{table}_{name}": array
        for table in TABLES
        for name, array in arrays_of(rows.get(table, ())).items()
    }


def accepted(rows: list[Row], keys: Keys | None) -> list[Row]:
    """Return the rows of which a table has taken the keys; None where it took them all."""
    if keys is None:
        return rows
    taken = {tuple(key.values()) for key in keys}
    return [row for row in rows if tuple(_decode_key(row.key).values()) in taken]
