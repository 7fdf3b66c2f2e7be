"""Whom and what a log names: users and exercises of the primary, made where they are new."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from psycopg import Connection
from psycopg.types.json import Jsonb

from infra.source import source_sql
from stream.settings import Settings

DEFAULT_GROUP = "core"

_MAKE_USER = """
INSERT INTO {user} (username, password, is_superuser, first_name, last_name, email, is_staff,
                    is_active, date_joined)
SELECT %(name)s::varchar, '!', false, '', '', '', false, true, now()
WHERE NOT EXISTS (SELECT FROM {user} WHERE username = %(name)s::varchar)
"""
_USERS = "SELECT username, id FROM {user} WHERE username = ANY(%s)"
_CATALOGUE = """
SELECT lower({exercise_name}), min({exercise_id}) FROM {exercise}
WHERE {exercise_owner_id} IS NULL GROUP BY 1
"""
_CUSTOM = """
SELECT {exercise_owner_id}, lower({exercise_name}), min({exercise_id}) FROM {exercise}
WHERE {exercise_owner_id} = ANY(%s) GROUP BY 1, 2
"""
_MAKE_CUSTOM = """
INSERT INTO {exercise} ({exercise_name}, {exercise_muscle_group}, {exercise_owner_id}, category,
                        level, "primaryMuscles", "secondaryMuscles", instructions, images,
                        is_custom)
VALUES (%(name)s, %(group)s, %(owner)s, 'strength', 'beginner',
        %(none)s, %(none)s, %(none)s, %(none)s, true)
RETURNING {exercise_id}
"""


@dataclass(frozen=True, slots=True)
class _Synonym:
    """What is known of a log's name: the catalogue's name for it, or a muscle group; or ""."""

    catalogue_name: str = ""
    muscle_group: str = ""


_UNKNOWN = _Synonym()


def user_ids(connection: Connection, settings: Settings, names: Iterable[str]) -> dict[str, int]:
    """Return the id of each user, made with a password that lets no one in where it is new."""
    wanted = sorted(set(names))
    for name in wanted:
        connection.execute(source_sql(settings, _MAKE_USER), {"name": name})
    return dict(connection.execute(source_sql(settings, _USERS), [wanted]).fetchall())


class Exercises:
    """Finds an exercise by name: the catalogue's, a known synonym of it, or the user's own."""

    def __init__(self, connection: Connection, settings: Settings, users: Iterable[int]) -> None:
        self._connection = connection
        self._make_custom = source_sql(settings, _MAKE_CUSTOM)
        self._synonyms = _synonyms()
        catalogue = connection.execute(source_sql(settings, _CATALOGUE))
        self._catalogue: dict[str, int] = dict(catalogue.fetchall())
        custom = connection.execute(source_sql(settings, _CUSTOM), [list(users)])
        self._custom: dict[tuple[int, str], int] = {
            (owner, name): identity for owner, name, identity in custom
        }

    def find(self, user_id: int, name: str) -> int:
        """Return the id of the exercise that a user's log names; make it where none has it."""
        key = name.lower()
        synonym = self._synonyms.get(key, _UNKNOWN)
        for known in (key, synonym.catalogue_name.lower()):
            if known in self._catalogue:
                return self._catalogue[known]
        if (user_id, key) not in self._custom:
            self._custom[user_id, key] = self._make(user_id, name, synonym.muscle_group)
        return self._custom[user_id, key]

    def _make(self, user_id: int, name: str, group: str) -> int:
        row = self._connection.execute(
            self._make_custom,
            {"name": name, "group": group or DEFAULT_GROUP, "owner": user_id, "none": Jsonb([])},
        ).fetchone()
        assert row is not None  # noqa: S101 - an INSERT with RETURNING returns its row
        return int(row[0])


def _synonyms() -> dict[str, _Synonym]:
    with files("infra").joinpath("data/exercise_map.csv").open(encoding="utf-8") as file:
        return {
            row["log_name"].lower(): _Synonym(row["catalogue_name"], row["custom_muscle_group"])
            for row in csv.DictReader(file)
        }
