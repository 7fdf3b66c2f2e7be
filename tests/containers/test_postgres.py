"""What Tonnage does with PostgreSQL itself, on a server that is not the one it ships with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from testcontainers.community.postgres import PostgresContainer

from connectors import capture
from infra.load import FileReport, load
from infra.primary import create_app_tables
from infra.verify import verify
from stream.first import ensure_first
from stream.names import Topics
from stream.settings import Settings, load_settings
from stream.topology import topics_of
from stream.upserts import statements

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]

LOG = "data/logs/strong_small.jsonl"


@pytest.fixture(scope="module")
def settings(container: PostgresContainer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A primary and a read store: two databases of the server."""
    server = container.get_connection_url().rsplit("/", 1)[0]
    with psycopg.connect(container.get_connection_url(), autocommit=True) as admin:
        for name in ("app", "analytics"):
            admin.execute(f"CREATE DATABASE {name}".encode())
    return load_settings(
        home=tmp_path_factory.mktemp("home"),
        source_dsn=f"{server}/app",
        read_store_dsn=f"{server}/analytics",
        capture_password="secret",
    )


@pytest.fixture(scope="module")
def slot(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """The capture's own role, with a slot as Debezium makes it, before anything is loaded."""
    create_app_tables(settings.need("source_dsn"))
    capture.prepare(settings)
    with psycopg.connect(
        settings.need("source_dsn"), user=settings.capture_user, password="secret", autocommit=True
    ) as connection:
        connection.execute("SELECT pg_create_logical_replication_slot('tonnage', 'pgoutput')")
        yield connection
        connection.execute("SELECT pg_drop_replication_slot('tonnage')")


@pytest.fixture(scope="module")
def loaded(settings: Settings, slot: psycopg.Connection[Any]) -> FileReport:
    """A real log, loaded as the app would write it."""
    del slot
    with as_file(files("infra").joinpath(LOG)) as path:
        return load(settings, path, None, lambda _done, _all: None)


@pytest.fixture(scope="module")
def generation(settings: Settings) -> Topics:
    """The read store's tables, of generation 1."""
    return topics_of(settings, ensure_first(settings).number)


def volumes_of(path: Path) -> dict[tuple[int, int], Decimal]:
    """Add up a log's weeks by nothing but its lines."""
    weeks: dict[tuple[int, int], Decimal] = {}
    for line in path.read_text().splitlines():
        workout = json.loads(line, parse_float=Decimal)
        year, week, _ = datetime.fromisoformat(workout["ts"]).replace(tzinfo=UTC).isocalendar()
        volume = sum(
            Decimal(reps or 0) * Decimal(weight or 0)
            for exercise in workout["exercises"]
            for reps, weight in zip(exercise["reps"], exercise["weights"], strict=True)
        )
        weeks[year, week] = weeks.get((year, week), Decimal(0)) + volume
    return weeks


def test_the_capture_publishes_its_tables_alone(
    settings: Settings, slot: psycopg.Connection[Any]
) -> None:
    capture.prepare(settings)
    published = slot.execute(
        "SELECT schemaname || '.' || tablename FROM pg_publication_tables ORDER BY 1"
    ).fetchall()
    assert [name for (name,) in published] == [
        "public.exercise",
        "public.workouts_performedexercise",
        "public.workouts_workout",
        "tonnage.heartbeat",
    ]


def test_a_load_is_decoded_for_the_captures_role(
    loaded: FileReport, slot: psycopg.Connection[Any]
) -> None:
    changes = slot.execute(
        "SELECT get_byte(data, 0) FROM pg_logical_slot_peek_binary_changes("
        "'tonnage', NULL, NULL, 'proto_version', '1', 'publication_names', 'tonnage')"
    ).fetchall()
    kinds = Counter(chr(kind) for (kind,) in changes)
    assert loaded.rows > 0
    assert kinds["I"] >= loaded.added + loaded.rows
    assert kinds["C"] >= loaded.added + loaded.rows, "each row is a transaction of its own"


def test_loading_again_adds_nothing(settings: Settings, loaded: FileReport) -> None:
    with as_file(files("infra").joinpath(LOG)) as path:
        again = load(settings, path, None, lambda _done, _all: None)
    assert (again.added, again.completed, again.unchanged) == (0, 0, loaded.added)


def test_verify_recomputes_what_the_log_adds_up_to(
    settings: Settings, loaded: FileReport, generation: Topics
) -> None:
    (user_id,) = loaded.users.values()
    with as_file(files("infra").joinpath(LOG)) as path:
        volumes = volumes_of(path)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        for (year, week), volume in volumes.items():
            connection.execute(
                f"INSERT INTO {generation.schema}.weekly_stats (user_id, year, week,"
                " total_volume, created_at, updated_at, version)"
                " VALUES (%s, %s, %s, %s, now(), now(), 1)".encode(),
                [user_id, year, week, volume],
            )
    weeks = [each for each in verify(settings, None, Counter()) if each.table == "weekly_stats"]
    assert len(volumes) > 1
    assert {each.column for each in weeks if each.column.startswith("workout_count")}
    assert not [each for each in weeks if each.column in {"total_volume", "(the whole row)"}]


def test_the_read_store_refuses_an_older_version(settings: Settings, generation: Topics) -> None:
    upsert = statements(generation.schema)["exercises"]
    key = '{"exercise_id":1}'
    accepted = []
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        for version in (7, 7, 6, 8):
            row = {"keys": [key], "values": [None], "versions": [version]}
            accepted.append(len(connection.execute(upsert, row).fetchall()))
    assert accepted == [1, 1, 0, 1]
