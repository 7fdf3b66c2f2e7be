"""The workout app's own database, and what its users do in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infra.primary import create_app_tables
from infra.services.postgres import Server
from stream.settings import Settings, load_settings
from tests.integration.conftest import ReadStore


@dataclass
class App:
    """A workout app's database of its own; each statement is a transaction."""

    dsn: str
    connection: psycopg.Connection[tuple[Any, ...]] = field(repr=False)

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self.connection.execute(statement.encode(), values).fetchall()

    def run(self, statement: str, *values: object) -> None:
        """Run a statement without rows."""
        self.connection.execute(statement.encode(), values)

    def insert(self, table: str, **values: object) -> int:
        """Put a row into a table and return its id."""
        names, holes = ", ".join(values), ", ".join(["%s"] * len(values))
        statement = f"INSERT INTO {table} ({names}) VALUES ({holes}) RETURNING id"
        return int(self.ask(statement, *values.values())[0][0])

    def user(self, name: str) -> int:
        """Sign a user up."""
        return self.insert(
            "auth_user",
            username=name,
            password="!",
            first_name="",
            last_name="",
            email="",
            is_superuser=False,
            is_staff=False,
            is_active=True,
            date_joined="2026-01-01",
        )

    def exercise(self, name: str) -> int:
        """Find an exercise of the catalogue."""
        return int(self.ask("SELECT id FROM exercise WHERE name = %s", name)[0][0])

    def workout(self, user_id: int, date: str, name: str = "") -> int:
        """Save a workout; the volume that the client sends along is wrong on purpose."""
        return self.insert(
            "workouts_workout", user_id=user_id, date=date, name=name, total_volume=999_999
        )

    def performed(
        self, workout_id: int, exercise_id: int, reps: str, weights: str | None = None
    ) -> int:
        """Save a performed exercise; the lists are JSON."""
        return self.insert(
            "workouts_performedexercise",
            workout_id=workout_id,
            exercise_id=exercise_id,
            sets=1,
            reps_per_set=reps,
            weights_per_set=weights,
        )


@pytest.fixture(scope="session")
def app_database(postgres: Server) -> Iterator[App]:
    """A database for the app."""
    base, name = postgres.dsn.rsplit("/", 1)[0], f"app{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(f"{base}/{name}", autocommit=True) as connection:
        yield App(f"{base}/{name}", connection)


@pytest.fixture
def app(app_database: App) -> App:
    """An app with its catalogue and no users."""
    app_database.run("DROP SCHEMA IF EXISTS public, gym CASCADE")
    app_database.run("CREATE SCHEMA public")
    create_app_tables(app_database.dsn)
    return app_database


@pytest.fixture
def settings(app: App, read_store: ReadStore, tmp_path: Path) -> Settings:
    """Settings of the app and the read store, with weeks as they are in Berlin."""
    return load_settings(
        home=tmp_path,
        source_dsn=app.dsn,
        read_store_dsn=read_store.dsn,
        timezone="Europe/Berlin",
    )
