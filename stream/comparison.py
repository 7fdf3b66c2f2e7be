"""Comparing what two generations say: every value, but for how and when it came about.

Both go on while they are compared. So what differs at first is looked at again once both
have all that either may have had; what still differs, in the same way, is a difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from psycopg.types.json import Jsonb

from stream.generations import Connection, Generation

ROUNDS = 6
"""Looks at a row that is written all the while, before it is said to be unsettled."""

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
    """A row that is not the same in both; `before` or `after` is None where it is not there.

    One that is not `settled` was other at each look: it is being written.
    """

    table: str
    key: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    settled: bool = True


def compare(
    connection: Connection,
    before: Generation,
    after: Generation,
    pass_each_other: Callable[[], bool],
) -> Iterator[Difference]:
    """Yield what `after` says otherwise than `before`.

    `pass_each_other` waits until both have all that either may have had at its call; it returns
    False where one stands still, so that looking again is of no use.
    """
    statements = {
        table: statement(table, before.schema, after.schema)
        for table in KEYS
        if before.capture == after.capture or table not in _OF_A_CAPTURE
    }
    for table, text in statements.items():
        yield from _settled(connection, table, text, pass_each_other)


def _settled(
    connection: Connection, table: str, text: bytes, pass_each_other: Callable[[], bool]
) -> Iterator[Difference]:
    """Yield what differs in a table and stays as it is from one look to the next.

    What changes from look to look is being written, and is looked at again.
    """
    last: dict[str, Difference] | None = None
    for _ in range(ROUNDS):
        keys = None if last is None else Jsonb([each.key for each in last.values()])
        rows = connection.execute(text, {"keys": keys}).fetchall()
        found = {json.dumps(key): Difference(table, key, old, new) for key, old, new in rows}
        if last is not None:
            yield from (each for name, each in found.items() if each == last.get(name))
            found = {name: each for name, each in found.items() if each != last.get(name)}
        last = found
        if not found:
            return
        if not pass_each_other():
            yield from found.values()
            return
    yield from (replace(each, settled=False) for each in (last or {}).values())


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
