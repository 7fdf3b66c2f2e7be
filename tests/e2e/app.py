"""The workout app, as the primary sees it: rows written in plain SQL, a transaction each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb


@dataclass
class App:
    """Writes to the primary; a list that is given as text is written as that JSON."""

    connection: psycopg.Connection[tuple[Any, ...]] = field(repr=False)

    def run(self, *statements: str) -> None:
        """Run statements in one transaction."""
        with self.connection.transaction():
            for statement in statements:
                self.connection.execute(statement.encode())

    def user(self) -> int:
        """Add a user."""
        return self._insert(
            "auth_user", password="!", is_superuser=False, username=f"lifter-{uuid4()}",
            first_name="", last_name="", email="", is_staff=False, is_active=True,
            date_joined="2020-01-01",
        )  # fmt: skip

    def exercise(self, owner: int, name: str, group: str) -> int:
        """Add a user's own exercise."""
        nothing = Jsonb([])
        return self._insert(
            "exercise", name=name, muscle_group=group, owner_id=owner, category="strength",
            level="beginner", primaryMuscles=nothing, secondaryMuscles=nothing,
            instructions=nothing, images=nothing, is_custom=True,
        )  # fmt: skip

    def workout(self, user: int, date: str, name: str = "Legs") -> int:
        """Add a workout; the volume that the client sends along is wrong, as it may be."""
        return self._insert("workouts_workout", user_id=user, date=date, name=name, total_volume=77)

    def performed(self, workout: int, exercise: int, reps: str, weights: str | None) -> int:
        """Add a performed exercise."""
        return self._insert(
            "workouts_performedexercise", workout_id=workout, exercise_id=exercise, sets=3,
            reps_per_set=reps, weights_per_set=weights,
        )  # fmt: skip

    def _insert(self, table: str, **values: object) -> int:
        names = ", ".join(f'"{name}"' for name in values)
        holes = ", ".join(["%s"] * len(values))
        statement = f"INSERT INTO {table} ({names}) VALUES ({holes}) RETURNING id"
        row = self.connection.execute(statement.encode(), list(values.values())).fetchone()
        assert row is not None
        return int(row[0])
