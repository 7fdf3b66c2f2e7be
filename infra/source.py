"""SQL on the primary: the source's tables and columns under the names that settings give them."""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import sql

from infra.errors import TonnageError
from stream.settings import Settings

_COLUMNS = {
    "exercise": ("id", "name", "muscle_group", "owner_id"),
    "workout": ("id", "user_id", "date", "name", "total_volume"),
    "performed": ("id", "workout_id", "exercise_id", "sets", "reps_per_set", "weights_per_set"),
}


def source_sql(settings: Settings, text: LiteralString) -> sql.Composed:
    """Put the source's names into SQL: `{workout}` is a table, `{workout_user_id}` its column."""
    tables = {
        "exercise": settings.exercise_table,
        "workout": settings.workout_table,
        "performed": settings.performed_table,
        "user": settings.user_table,
    }
    named = {key: sql.Identifier(settings.source_schema, table) for key, table in tables.items()}
    columns = {
        f"{table}_{column}": sql.Identifier(settings.column(table, column))
        for table, columns in _COLUMNS.items()
        for column in columns
    }
    return sql.SQL(text).format(**named, **columns)


def failed(doing: str, error: psycopg.Error) -> TonnageError:
    """Say in one line what a database refused; its own texts go over several."""
    return TonnageError(f"{doing}: {' '.join(str(error).split())}")
