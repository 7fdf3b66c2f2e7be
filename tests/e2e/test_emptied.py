"""The read store loses its tables while everything runs; the figures come back right."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay

from stream.first import left_in_kafka, published_epoch
from stream.janitor import forget_in_kafka
from stream.topology import topics_of
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import PATIENCE, Pipeline, until

pytestmark = pytest.mark.stack

JOURNAL = ("_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock")
GOING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.DeadlockDetected,
)
"""What a reader meets while tables are dropped and made."""
SERVES = "SELECT number, epoch FROM tonnage.generation WHERE state = 'serving'"


@pytest.fixture(autouse=True)
def nothing_left_in_kafka(pipeline: Pipeline) -> Iterator[None]:
    """Delete the topics of generations that the read store knew once."""
    yield
    [(serving, _)] = pipeline.rows(SERVES)
    for number in left_in_kafka(pipeline.settings) - {serving}:
        forget_in_kafka(pipeline.settings, topics_of(pipeline.settings, number))


@retry(
    retry=retry_if_exception_type(psycopg.errors.DeadlockDetected), stop=stop_after_delay(PATIENCE)
)
def drop(pipeline: Pipeline, *what: str) -> None:
    """Drop at once what is in use all the while: those who use it are sent away first."""
    with psycopg.connect(pipeline.settings.need("read_store_dsn")) as store:
        store.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for each in what:
            store.execute(f"DROP {each} CASCADE".encode())


def schemas(pipeline: Pipeline) -> list[str]:
    found = pipeline.rows("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'tonnage')")
    return [f"SCHEMA {name}" for (name,) in found]


def served(pipeline: Pipeline) -> bool:
    """Tell whether a frontier is served; the tables may be gone."""
    try:
        return pipeline.rows("SELECT lsn FROM tonnage.freshness") not in ([], [(None,)])
    except GOING:
        return False


def right_again(pipeline: Pipeline, app: App, settled: Lifter) -> None:
    app.performed(settled.next_week, settled.squat, "[1]", "[1000]")
    until(lambda: served(pipeline), "a frontier")
    pipeline.settle()
    assert pipeline.volume(settled.user, "2026-W45") == 2140
    assert pipeline.volume(settled.user, "2026-W46") == 1900
    assert pipeline.differences() == []


@pytest.mark.parametrize("journal", [JOURNAL, ()], ids=["all of it", "all but the journal"])
def test_a_read_store_that_is_emptied_is_built_again_beyond_what_kafka_knows(
    app: App, pipeline: Pipeline, settled: Lifter, journal: tuple[str, ...]
) -> None:
    assert pipeline.command("stream", "reset", "--from-source", "--yes").returncode == 0
    [(number, epoch)] = pipeline.rows(SERVES)
    assert number in left_in_kafka(pipeline.settings)
    published = published_epoch(pipeline.settings)
    assert 0 < published <= epoch
    drop(pipeline, *schemas(pipeline), *(f"TABLE public.{each}" for each in journal))
    right_again(pipeline, app, settled)
    [(number_now, epoch_now)] = pipeline.rows(SERVES)
    assert number_now > number
    assert epoch_now > published


@pytest.mark.parametrize("what", ["SCHEMA {schema}", "TABLE {schema}.workouts"])
def test_tables_that_are_dropped_are_filled_again(
    app: App, pipeline: Pipeline, settled: Lifter, what: str
) -> None:
    [(number, _)] = pipeline.rows(SERVES)
    drop(pipeline, what.format(schema=pipeline.schema))
    right_again(pipeline, app, settled)
    assert [each for each, _ in pipeline.rows(SERVES)] == [number]
