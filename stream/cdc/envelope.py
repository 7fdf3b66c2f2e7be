"""Debezium's envelope of a row change, read without trusting it.

Only the operation, `after` and the source's position are used. `before` is never read: with
the default replica identity it holds the key and invented values for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from stream.domain.workouts import Origin

UNAVAILABLE = "__debezium_unavailable_value"
"""What Debezium sends for a TOASTed value that an update did not touch."""

BigInt = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that PostgreSQL can hold."""

Row = TypeVar("Row", bound=msgspec.Struct)

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class BadEventError(ValueError):
    """An event that can't be read; the message is the reason people read."""


class Operation(StrEnum):
    """Debezium's operations."""

    READ = "r"
    CREATE = "c"
    UPDATE = "u"
    DELETE = "d"
    TRUNCATE = "t"
    MESSAGE = "m"


class Change(msgspec.Struct, Generic[Row], frozen=True):
    """A row's change: its new content, or None where the row is gone."""

    row: Row | None
    origin: Origin


_LAST_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""

Position = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=_LAST_US)]


class _Source(msgspec.Struct):
    lsn: Position | None = None
    ts_us: Moment | None = None
    ts_ms: Annotated[int, msgspec.Meta(ge=0, le=_LAST_US // 1000)] | None = None


class EnvelopeReader(Generic[Row]):
    """Reads the envelopes of one table into `row_type`.

    Args:
        row_type: a msgspec.Struct with the columns that are used.
        columns: the source's column names for ours, where they differ.
    """

    def __init__(self, row_type: type[Row], columns: Mapping[str, str]) -> None:
        fields = [(each.name, each.type) for each in msgspec.structs.fields(row_type)]
        row = msgspec.defstruct("Row", fields, rename=dict(columns)) if columns else row_type
        envelope = msgspec.defstruct(
            "Envelope",
            [("op", Operation), ("source", _Source), ("after", row | None, None)],
        )
        self._row_type = row_type
        self._decode = msgspec.json.Decoder(envelope).decode
        self._decode_key = msgspec.json.Decoder(dict[str, BigInt]).decode
        self._id = columns.get("id", "id")

    def key(self, key: bytes | None) -> int:
        """Return the row's id. Raises BadEventError."""
        if key is None:
            raise BadEventError("the event has no key")
        try:
            return self._decode_key(key)[self._id]
        except (*_UNREADABLE, KeyError) as error:
            raise BadEventError(f"the key holds no integer {self._id!r}: {error}") from error

    def change(self, value: bytes | None, timestamp_ms: int) -> Change[Row]:
        """Return the change; a tombstone (no value) is a deletion. Raises BadEventError."""
        if value is None:
            return Change(None, Origin(0, timestamp_ms * 1000))
        try:
            event: Any = self._decode(value)
        except _UNREADABLE as error:
            raise BadEventError(f"the event does not have the columns expected: {error}") from error
        source = event.source
        time_us = source.ts_us or (source.ts_ms or timestamp_ms) * 1000
        origin = Origin(source.lsn or 0, time_us)
        if event.op is Operation.DELETE:
            return Change(None, origin)
        if event.op in (Operation.TRUNCATE, Operation.MESSAGE):
            raise BadEventError(f"an event of kind {event.op.name.lower()} changes no row")
        if event.after is None:
            raise BadEventError("the event has no content after the change")
        if type(event.after) is not self._row_type:
            return Change(self._row_type(*msgspec.structs.astuple(event.after)), origin)
        return Change(event.after, origin)
