"""What keeps a worker from starting is said in one line, and the exit code is 1."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from infra.services.part import TONNAGE
from stream.first import ensure_first
from stream.generations import serving
from stream.settings import Settings, load_settings

pytestmark = pytest.mark.stack


def refused(stack: Settings, *command: str, **settings: str) -> str:
    """Run `tonnage` beside the stack, and return the one line with which it refuses."""
    done = subprocess.run(
        [TONNAGE, *command],
        env={**os.environ, "TONNAGE_HOME": str(stack.home), **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()[-1:]
    assert "Traceback" not in done.stderr
    return line


@pytest.fixture
def empty_store(stack: Settings) -> Iterator[str]:
    """A database without anything in it."""
    server = stack.need("read_store_dsn")
    name = f"empty_{uuid4().hex[:12]}"
    dsn = f"{server.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield dsn
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_time_zone_that_is_none(stack: Settings) -> None:
    line = refused(stack, "stream", "run", TONNAGE_TIMEZONE="Mars/Olympus")
    assert line.startswith("tonnage: TONNAGE_TIMEZONE: ")
    assert "Mars/Olympus" in line


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [("TONNAGE_TIMEZONE", "Europe/Berlin", "timezone"), ("TONNAGE_PARTITIONS", "5", "partitions")],
)
def test_a_generation_that_was_built_otherwise(
    stack: Settings, variable: str, value: str, named: str
) -> None:
    with psycopg.connect(stack.need("read_store_dsn")) as connection:
        found = serving(connection)
    assert found is not None
    line = refused(stack, "stream", "run", **{variable: value})
    assert f"generation {found.number} was built with other settings ({named})" in line
    assert "tonnage stream reset" in line


def test_a_topic_of_another_partition_count(stack: Settings, empty_store: str) -> None:
    line = refused(
        stack, "stream", "run", TONNAGE_READ_STORE_DSN=empty_store, TONNAGE_PARTITIONS="5"
    )
    assert "has 4 partitions, and 5 are needed" in line
    assert "TONNAGE_PARTITIONS=4" in line


def test_no_kafka(stack: Settings) -> None:
    line = refused(stack, "stream", "run", TONNAGE_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert "no Kafka broker answers at 127.0.0.1:1" in line


@pytest.mark.parametrize("command", [("run",), ("status",)])
def test_no_read_store(stack: Settings, command: tuple[str, ...]) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    line = refused(stack, "stream", *command, TONNAGE_READ_STORE_DSN=nowhere)
    assert "127.0.0.1" in line


def test_a_read_store_without_tables_gets_them(stack: Settings, empty_store: str) -> None:
    found = ensure_first(load_settings(home=stack.home, read_store_dsn=empty_store))
    with psycopg.connect(stack.need("read_store_dsn")) as connection:
        other = serving(connection)
    assert other is not None
    assert (found.number, found.epoch) > (other.number, other.epoch)  # its topics are there
    with psycopg.connect(empty_store) as connection:
        assert connection.execute("SELECT * FROM public.weekly_stats").fetchall() == []
