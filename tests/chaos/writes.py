"""Random writes on the primary, of every kind that an app or a person makes."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg

GROUPS = ("chest", "back", "shoulders", "arms", "legs", "core", "", "neck")
REPS = ("[1, 2]", "[10, 10, 10]", '["x"]', "[]", "[5.5]", "[10.0, 8]", "[0]", "null")
WEIGHTS = (None, "[1e3]", "[null, 20]", "[true]", "{}", "[99.25, 12.125]", "[-20]", "null")


class NothingThereError(Exception):
    """A table has no row that could be changed."""


class Writer:
    """Writes to the primary as told by a seeded generator; `counts` says what was done."""

    def __init__(self, dsn: str, chance: random.Random) -> None:
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self._dsn = dsn
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._kinds: list[Callable[[], None]] = [
            *[self.add_workout] * 4,
            *[self.edit_reps] * 4,
            self.edit_weights,
            self.move_in_time,
            self.move_to_user,
            self.move_performed,
            self.delete_workout,
            self.delete_performed,
            self.regroup,
            self.rename_exercise,
            self.change_key,
            self.many_at_once,
        ]

    def close(self) -> None:
        """Let go of the primary."""
        self._connection.close()

    def write(self) -> None:
        """Do one thing, of a kind by chance; a primary that was restarted is connected to again."""
        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self._connection = psycopg.connect(self._dsn, autocommit=True)
        kind = self.chance.choice(self._kinds)
        try:
            kind()
        except NothingThereError:
            kind = self.add_workout
            kind()
        self.counts[kind.__name__] += 1

    def add_user(self) -> int:
        """Add a user and a workout, so that there is something to change."""
        name = f"chaos-{uuid4()}"
        user = self._one(
            "INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser,"
            " is_staff, is_active, date_joined)"
            " VALUES (%s, '', '', '', '', false, false, true, now()) RETURNING id",
            name,
        )
        for _ in range(3):
            self.add_workout(user)
        return user

    def add_workout(self, user: int | None = None) -> None:
        """Save a workout as the app does: a transaction for it, one for each exercise."""
        workout = self._one(
            "INSERT INTO workouts_workout (user_id, date, name, total_volume)"
            " VALUES (%s, now() - %s * interval '1 hour', 'chaos', 0) RETURNING id",
            user or self._any("auth_user"),
            self.chance.randrange(24 * 900),
        )
        for _ in range(self.chance.randrange(5)):
            count = self.chance.randrange(1, 6)
            reps = [self.chance.randrange(0, 15) for _ in range(count)]
            weights = [self.chance.choice([None, 20, 62.5, 100]) for _ in range(count)]
            self._do(
                "INSERT INTO workouts_performedexercise"
                " (workout_id, exercise_id, sets, reps_per_set, weights_per_set)"
                " VALUES (%s, %s, %s, %s, %s)",
                workout,
                self._exercise(),
                count,
                json.dumps(reps),
                self.chance.choice([None, json.dumps(weights)]),
            )

    def edit_reps(self) -> None:
        """Correct a set, or break its row."""
        self._do(
            "UPDATE workouts_performedexercise SET reps_per_set = %s WHERE id = %s",
            self.chance.choice(REPS),
            self._any("workouts_performedexercise"),
        )

    def edit_weights(self) -> None:
        """Change weights, or break the row."""
        self._do(
            "UPDATE workouts_performedexercise SET weights_per_set = %s WHERE id = %s",
            self.chance.choice(WEIGHTS),
            self._any("workouts_performedexercise"),
        )

    def move_in_time(self) -> None:
        """Move a workout to another day, perhaps another year."""
        self._do(
            "UPDATE workouts_workout SET date = date + %s * interval '1 day' WHERE id = %s",
            self.chance.randrange(-400, 400),
            self._any("workouts_workout"),
        )

    def move_to_user(self) -> None:
        """Give a workout to another user."""
        self._do(
            "UPDATE workouts_workout SET user_id = %s WHERE id = %s",
            self._any("auth_user"),
            self._any("workouts_workout"),
        )

    def move_performed(self) -> None:
        """Move a performed exercise to another workout."""
        self._do(
            "UPDATE workouts_performedexercise SET workout_id = %s WHERE id = %s",
            self._any("workouts_workout"),
            self._any("workouts_performedexercise"),
        )

    def delete_workout(self) -> None:
        """Delete a workout as the app cascades: one transaction, children first."""
        workout = self._any("workouts_workout")
        with self._connection.transaction():
            self._do("DELETE FROM workouts_performedexercise WHERE workout_id = %s", workout)
            self._do("DELETE FROM workouts_workout WHERE id = %s", workout)

    def delete_performed(self) -> None:
        """Delete a performed exercise."""
        self._do(
            "DELETE FROM workouts_performedexercise WHERE id = %s",
            self._any("workouts_performedexercise"),
        )

    def regroup(self) -> None:
        """Put an exercise into another muscle group."""
        group = self.chance.choice(GROUPS)
        self._do("UPDATE exercise SET muscle_group = %s WHERE id = %s", group, self._exercise())

    def rename_exercise(self) -> None:
        """Rename an exercise."""
        self._do(
            "UPDATE exercise SET name = left(name, 90) || ' *' WHERE id = %s", self._exercise()
        )

    def change_key(self) -> None:
        """Change a performed exercise's primary key."""
        self._do(
            "UPDATE workouts_performedexercise SET id ="
            " (SELECT max(id) + 1000000 FROM workouts_performedexercise) WHERE id = %s",
            self._any("workouts_performedexercise"),
        )

    def many_at_once(self) -> None:
        """Change many rows in one transaction."""
        self._do(
            "UPDATE workouts_performedexercise SET reps_per_set = '[3, 3, 3]'"
            " WHERE id IN (SELECT id FROM workouts_performedexercise ORDER BY id LIMIT 300)"
        )

    def _do(self, statement: str, *values: Any) -> None:
        self._connection.execute(statement.encode(), values)

    def _one(self, statement: str, *values: Any) -> int:
        row = self._connection.execute(statement.encode(), values).fetchone()
        assert row is not None
        return int(row[0])

    def _any(self, table: str) -> int:
        """Return the id of some row: by our own chance, so that a seed repeats it."""
        ids = self._connection.execute(f"SELECT id FROM {table} ORDER BY id".encode()).fetchall()
        if not ids:
            raise NothingThereError(table)
        return int(self.chance.choice(ids)[0])

    def _exercise(self) -> int:
        """Return one of few exercises, so that the same ones meet again and again."""
        return self._one(
            "SELECT id FROM exercise ORDER BY id OFFSET %s LIMIT 1", self.chance.randrange(40)
        )
