"""Comparing what two generations say: every value, but for how and when it came about.

Both go on while they are compared. So what differs at first is looked at again once both are
past where either was; what still differs is a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from psycopg.types.json import Jsonb

from stream.generations import Connection, Generation

ROUNDS = 3

KEYS = {
    "weekly_stats": ("user_id", "year", "week"),
    "workouts": ("workout_id",),
    "exercises": ("exercise_id",),
    "personal_records": ("user_id", "exercise_id", "kind"),
    "quarantine": ("topic", "key"),
}
"""The tables of a generation, and what names a row of each."""

_OF_A_CAPTURE = ("quarantine",)
"""Tables that name source topics, so that those of another capture can't be compared."""


@dataclass(frozen=True)
class Difference:
    """A row that is not the same in both; `before` or `after` is None where it is not there."""

    table: str
    key: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def compare(
    connection: Connection,
    before: Generation,
    after: Generation,
    pass_each_other: Callable[[], bool],
) -> Iterator[Difference]:
    """Yield what `after` says otherwise than `before`.

    `pass_each_other` waits until both are past where either was at its call; it returns False
    where one stands still, so that looking again is of no use.
    """
    statements = {
        table: statement(table, before.schema, after.schema)
        for table in KEYS
        if before.capture == after.capture or table not in _OF_A_CAPTURE
    }
    differing: dict[str, list[Any] | None] = dict.fromkeys(statements)
    for _ in range(ROUNDS):
        for table, keys in list(differing.items()):
            found = connection.execute(
                statements[table], {"keys": None if keys is None else Jsonb(keys)}
            )
            differing[table] = [key for key, _, _ in found.fetchall()]
            if not differing[table]:
                del differing[table]
        if not (differing and pass_each_other()):
            break
    for table, keys in differing.items():
        found = connection.execute(statements[table], {"keys": Jsonb(keys)})
        for key, old, new in found.fetchall():
            yield Difference(table, key, old, new)


def statement(table: str, before: str, after: str) -> bytes:
    """Return the statement that compares a table of two schemas."""
    text = resources.files("stream").joinpath("sql", "comparison.sql").read_text()
    return (
        text.replace("{table}", table)
        .replace("{before}", before)
        .replace("{after}", after)
        .replace("{key}", ", ".join(f'"{name}"' for name in KEYS[table]))
        .encode()
    )
