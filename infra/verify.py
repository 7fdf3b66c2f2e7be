"""Comparing the read store with a recomputation from the primary.

The recomputation is SQL that the primary itself runs (`infra/sql/verify`), so that nothing of
the stream's own arithmetic judges it. Each side is read in one snapshot, in the order of its
keys, and merged row by row: memory stays flat whatever their size.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import LiteralString

import psycopg
from psycopg import Connection, IsolationLevel, ServerCursor, sql
from psycopg.abc import Buffer
from psycopg.types.string import TextLoader

from infra.differences import Difference, Json, Side, compare
from infra.errors import TonnageError
from infra.source import failed, source_sql
from stream.generations import serving_settings
from stream.settings import PREFIX, Settings

_FETCH = 2000
_SESSION = """
SET TIME ZONE 'UTC'; SET work_mem = '64MB'; SET cursor_tuple_fraction = 1; SET jit = off
"""
_USERS_OF_SOURCE = "SELECT DISTINCT {workout_user_id} FROM {workout}"
_USERS_OF_READ_STORE = """
SELECT user_id FROM public.workouts
UNION SELECT user_id FROM public.weekly_stats
UNION SELECT user_id FROM public.personal_records
"""
_AGAINST = """
SELECT {columns} FROM {table}
WHERE %(users)s::bigint[] IS NULL OR user_id = ANY(%(users)s::bigint[])
ORDER BY user_id, year, week
"""


@dataclass(frozen=True, slots=True)
class View:
    """A view of the read store; its first `key` columns name a row."""

    name: str
    key: tuple[str, ...]


WEEKLY_STATS = View("weekly_stats", ("user_id", "year", "week"))
VIEWS = (
    WEEKLY_STATS,
    View("workouts", ("workout_id",)),
    View("exercises", ("exercise_id",)),
    View("personal_records", ("user_id", "exercise_id", "kind")),
    View("quarantine", ("performed_exercise_id",)),
)


class _JsonLoader(TextLoader):
    """Leave JSON as the text that PostgreSQL wrote."""

    def load(self, data: Buffer) -> Json:  # type: ignore[override]
        return Json(str(super().load(data)))


def verify(
    settings: Settings, users: Sequence[int] | None, compared: Counter[str]
) -> Iterator[Difference]:
    """Yield every difference of the read store; count the rows of each view in `compared`.

    `users` are the users to compare, None for all. Raises TonnageError where a database fails.
    """
    with (
        _snapshot(settings, "source_dsn") as primary,
        _snapshot(settings, "read_store_dsn") as store,
    ):
        for view in VIEWS:
            query = sql.SQL(_file(f"found/{view.name}"))
            yield from _compare(settings, view, primary, (store, query), users, compared)


def verify_against(
    settings: Settings, table: str, users: Sequence[int] | None, compared: Counter[str]
) -> Iterator[Difference]:
    """Yield how the app's own WeeklyStats in the primary differ, in the columns named as ours.

    Raises TonnageError where the table can't be read or has not our key.
    """
    with _snapshot(settings, "source_dsn") as primary, _snapshot(settings, "source_dsn") as other:
        named = sql.Identifier(*table.split("."))
        shown = other.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(named)).description or ()
        columns = [each.name for each in shown]
        lacking = [each for each in WEEKLY_STATS.key if each not in columns]
        if lacking:
            raise TonnageError(f"{table} has no column {', '.join(lacking)}: it is no WeeklyStats")
        columns.sort(key=lambda each: each not in WEEKLY_STATS.key)
        query = sql.SQL(_AGAINST).format(
            table=named, columns=sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        yield from _compare(settings, WEEKLY_STATS, primary, (other, query), users, compared)


def sample_users(settings: Settings, percent: float) -> list[int]:
    """Choose so many percent of the users of both sides at random, but one at least."""
    with (
        _snapshot(settings, "source_dsn") as primary,
        _snapshot(settings, "read_store_dsn") as store,
    ):
        known = {row[0] for row in primary.execute(source_sql(settings, _USERS_OF_SOURCE))}
        known |= {row[0] for row in store.execute(_USERS_OF_READ_STORE)}
    share = max(math.ceil(len(known) * percent / 100), 1)
    return sorted(random.sample(sorted(known), min(share, len(known))))


@contextmanager
def _snapshot(settings: Settings, dsn: str) -> Iterator[Connection]:
    """Open one snapshot of a database, of which all is read."""
    try:
        connection = psycopg.connect(settings.need(dsn))
    except psycopg.Error as error:
        raise failed(f"verify can't reach the database of {PREFIX}{dsn.upper()}", error) from error
    with connection:
        connection.execute(_SESSION)
        connection.commit()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.adapters.register_loader("jsonb", _JsonLoader)
        connection.adapters.register_loader("timestamptz", TextLoader)
        yield connection


def _compare(
    settings: Settings,
    view: View,
    primary: Connection,
    found: tuple[Connection, sql.SQL | sql.Composed],
    users: Sequence[int] | None,
    compared: Counter[str],
) -> Iterator[Difference]:
    query = source_sql(settings, _file("source") + _file(f"expected/{view.name}"))
    given = {
        "users": None if users is None else list(users),
        "zone": settings.timezone,
        "performed_topic": serving_settings(settings).topic(settings.performed_table),
        "performed_id": settings.column("performed", "id"),
    }
    try:
        with (
            ServerCursor(primary, "expected") as wanted,
            ServerCursor(found[0], "found") as held,
        ):
            wanted.execute(query, given)
            held.execute(found[1], given)
            yield from compare(view.name, len(view.key), _side(wanted), _side(held), compared)
    except psycopg.Error as error:
        raise failed(f"verifying {view.name}", error) from error


def _side(cursor: ServerCursor) -> Side:
    cursor.itersize = _FETCH
    return Side([each.name for each in cursor.description or ()], cursor)


def _file(name: str) -> LiteralString:
    """Read a query of ours: as literal as a string in the code."""
    return files("infra").joinpath(f"sql/verify/{name}.sql").read_text(encoding="utf-8")
