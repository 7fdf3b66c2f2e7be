"""The workout app's schema and exercise catalogue: what the local primary stands in for."""

from __future__ import annotations

import json
from importlib.resources import files

import psycopg
from psycopg.types.json import Jsonb

from infra.source import failed

_GROUP_MUSCLES = {
    "chest": ("chest",),
    "back": ("lats", "middle back", "lower back", "traps"),
    "shoulders": ("shoulders", "neck"),
    "arms": ("biceps", "triceps", "forearms"),
    "legs": ("quadriceps", "hamstrings", "calves", "glutes", "adductors", "abductors"),
    "core": ("abdominals",),
}
MUSCLE_GROUPS = {muscle: group for group, muscles in _GROUP_MUSCLES.items() for muscle in muscles}

# Any number will do that no other program of this database locks.
_SCHEMA_LOCK = 7_063_461


def create_app_tables(dsn: str) -> None:
    """Make the app's tables and its catalogue of exercises, where they are missing.

    Safe to call again, and from two processes at once. Raises TonnageError where the
    database can't be reached or refuses.
    """
    try:
        with psycopg.connect(dsn) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
            connection.execute(files("infra").joinpath("sql/app.sql").read_bytes())
            connection.execute(
                files("infra").joinpath("sql/catalogue.sql").read_bytes(), [Jsonb(catalogue())]
            )
    except psycopg.Error as error:
        raise failed("making the app's tables in the primary", error) from error


def catalogue() -> list[dict[str, object]]:
    """Return the shared exercises, each with the muscle group of its primary muscle."""
    text = files("infra").joinpath("data/free_exercise_db.json").read_text(encoding="utf-8")
    return [
        each | {"muscle_group": MUSCLE_GROUPS[each["primaryMuscles"][0]]}
        for each in json.loads(text)
    ]
