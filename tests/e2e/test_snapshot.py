"""A snapshot amid changes: every row is emitted again, and no figure changes for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from api.models import WeekStats
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.meanwhile import running
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack

PAUSE = 0.005


@contextmanager
def changed_meanwhile(pipeline: Pipeline, lifter: Lifter) -> Iterator[None]:
    """Add, edit, move and delete another user's rows all the while."""

    def write(over: threading.Event) -> None:
        with psycopg.connect(pipeline.settings.need("source_dsn"), autocommit=True) as connection:
            app, count = App(connection), 0
            user = app.user()
            workouts = [app.workout(user, f"2026-0{1 + n}-11T18:00Z") for n in range(9)]
            rows = [app.performed(each, lifter.squat, "[5]", "[100.5]") for each in workouts * 5]
            while not over.wait(PAUSE):
                row = rows[count % len(rows)]
                target = workouts[count % 7]
                app.run(
                    "UPDATE workouts_performedexercise SET"
                    f" reps_per_set = '[{count % 10}]', workout_id = {target} WHERE id = {row}"
                )
                if count % 10 == 0:
                    app.run(f"DELETE FROM workouts_performedexercise WHERE id = {row}")
                    rows[count % len(rows)] = app.performed(target, lifter.squat, "[3]", "[90]")
                count += 1

    with running(write):
        yield


def figures(pipeline: Pipeline, lifter: Lifter) -> WeekStats | None:
    """Return a week as it is said."""
    return pipeline.week(lifter.user, "2026-W45")


def test_a_snapshot_amid_changes_changes_no_figure(pipeline: Pipeline, settled: Lifter) -> None:
    before = figures(pipeline, settled)
    with changed_meanwhile(pipeline, settled):
        done = pipeline.command("connector", "snapshot", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows["public.workouts_performedexercise"] >= 45
    pipeline.settle()
    assert figures(pipeline, settled) == before
    assert pipeline.differences() == []
