"""Comparing two sequences of rows that are in the order of the same key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = tuple[Any, ...]

_MOMENTS = "last_trained_by_muscle_group"
_ROW = "(the whole row)"


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value as PostgreSQL wrote it; most are equal to the letter and never read."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Side:
    """Rows in the order of their key, and the names of their columns, the key's first."""

    columns: Sequence[str]
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is not as it should be; `expected` or `found` is None where no row is."""

    table: str
    key: dict[str, str]
    column: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        key = " ".join(f"{name}={value}" for name, value in self.key.items())
        sides = (
            "no row" if side is None else side if len(side) <= 200 else side[:199] + "…"
            for side in (self.expected, self.found)
        )
        return "{} {}: {}: expected {}, found {}".format(self.table, key, self.column, *sides)


def compare(
    table: str, key_width: int, expected: Side, found: Side, compared: Counter[str]
) -> Iterator[Difference]:
    """Yield what differs in the columns that both sides have; count rows into `compared`."""
    names = expected.columns[:key_width]
    shared = [
        (column, place, found.columns.index(column))
        for place, column in enumerate(expected.columns)
        if place >= key_width and column in found.columns
    ]
    for key, wanted, held in _merge(key_width, expected.rows, found.rows):
        compared[table] += 1
        where = {name: str(value) for name, value in zip(names, key, strict=True)}
        if wanted is None or held is None:
            yield Difference(table, where, _ROW, _row_text(wanted), _row_text(held))
            continue
        for column, left, right in shared:
            for place, one, other in _unequal(column, wanted[left], held[right]):
                yield Difference(table, where, place, one, other)


def _merge(
    width: int, expected: Iterable[Row], found: Iterable[Row]
) -> Iterator[tuple[Row, Row | None, Row | None]]:
    """Pair rows of one key; None stands for a row that one side lacks."""
    left, right = iter(expected), iter(found)
    wanted, held = next(left, None), next(right, None)
    while wanted is not None or held is not None:
        keys = [row[:width] for row in (wanted, held) if row is not None]
        key = min(keys)
        one = wanted if wanted is not None and wanted[:width] == key else None
        other = held if held is not None and held[:width] == key else None
        yield key, one, other
        wanted = wanted if one is None else next(left, None)
        held = held if other is None else next(right, None)


def _unequal(column: str, expected: object, found: object) -> Iterator[tuple[str, str, str]]:
    """Yield (place, expected, found); of a JSON object each member that differs."""
    if expected == found:
        return
    if not (isinstance(expected, Json) and isinstance(found, Json)):
        yield column, _text(expected), _text(found)
        return
    normal: Callable[[Any], Any] = _moment if column == _MOMENTS else _same
    one, other = _parse(expected.text), _parse(found.text)
    if not (isinstance(one, dict) and isinstance(other, dict)):
        if one != other:
            yield column, expected.text, found.text
        return
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other or normal(one[name]) != normal(other[name]):
            yield f"{column}.{name}", _text(one.get(name)), _text(other.get(name))


def _parse(text: str) -> Any:
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


def _same(value: Any) -> Any:
    return value


def _moment(value: Any) -> Any:
    """Read a time: one moment can be written in many ways. What is no time stays as it is."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _row_text(row: Row | None) -> str | None:
    return None if row is None else " | ".join(map(_text, row))
