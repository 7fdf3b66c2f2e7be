"""`tonnage verify` sees a value that was altered by hand, in each table of the read store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack


@contextmanager
def altered(pipeline: Pipeline, table: str, column: str, other: str, of: str) -> Iterator[None]:
    """Alter a column of one row by hand; put it back at the end."""
    ((row, value),) = pipeline.rows(f"SELECT ctid::text, {column} FROM {table} WHERE {of} LIMIT 1")
    write = f"UPDATE {table} SET {column} = {{}} WHERE ctid = %s RETURNING ctid::text"
    ((row,),) = pipeline.rows(write.format(other), row)
    try:
        yield
    finally:
        pipeline.rows(write.format("%s"), value, row)


@pytest.mark.parametrize(
    ("table", "column", "other", "of"),
    [
        ("weekly_stats", "total_volume", "total_volume + 0.001", "user_id = {0.user}"),
        ("workouts", "name", "name || '!'", "workout_id = {0.monday}"),
        ("exercises", "muscle_group", "'arms'", "exercise_id = {0.squat}"),
        ("personal_records", "value", "value + 0.001", "user_id = {0.user}"),
    ],
)
def test_one_altered_value_is_found(
    pipeline: Pipeline, lifter: Lifter, table: str, column: str, other: str, of: str
) -> None:
    pipeline.settle()
    with altered(pipeline, f"{pipeline.schema}.{table}", column, other, of.format(lifter)):
        (difference,) = pipeline.differences()
    assert difference.startswith(table)
    assert f": {column}: " in difference
    assert pipeline.differences() == []


def test_the_command_fails_on_a_difference(pipeline: Pipeline, lifter: Lifter) -> None:
    pipeline.settle()
    mine = f"user_id = {lifter.user}"
    with altered(pipeline, f"{pipeline.schema}.weekly_stats", "rep_count", "rep_count + 1", mine):
        done = pipeline.command("verify")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("1 difference;")
    assert pipeline.command("verify").returncode == 0
