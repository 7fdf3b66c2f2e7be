"""A column that is needed is renamed, and rows are written: nothing of them is lost.

Rows without the column are on the list of bad rows, every answer is stale and says why. As soon as
the source is put right, or the setting, what was written meanwhile counts: by itself where the
watch may rebuild, as it may on the local stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from infra.home import Home
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline
from tests.e2e.test_watch import is_fresh, is_named

pytestmark = pytest.mark.stack

W45, W46 = "2026-W45", "2026-W46"
THERE = "ALTER TABLE workouts_performedexercise RENAME reps_per_set TO reps"
BACK = "ALTER TABLE workouts_performedexercise RENAME reps TO reps_per_set"
PARTS = ("watch", "worker_0")


@contextmanager
def named_otherwise(app: App) -> Iterator[None]:
    """Rename the column for a while."""
    app.run(THERE)
    try:
        yield
    finally:
        app.run(BACK)


def write(app: App, lifter: Lifter) -> None:
    """Edit a row, delete one and add one, as an app does that knows the new name."""
    app.run(f"UPDATE workouts_performedexercise SET reps = '[1]' WHERE id = {lifter.squats}")
    app.run(f"DELETE FROM workouts_performedexercise WHERE id = {lifter.next_squats}")
    app.run(
        "INSERT INTO workouts_performedexercise (workout_id, exercise_id, sets, reps,"
        f" weights_per_set) VALUES ({lifter.next_week}, {lifter.squat}, 1, '[2]', '[150]')"
    )


def counts(pipeline: Pipeline, lifter: Lifter) -> None:
    """Wait until all is fresh; see that what was written counts, and that nothing differs."""
    is_fresh(pipeline, lifter)
    pipeline.settle()
    assert pipeline.volume(lifter.user, W45) == 100 + 400
    assert pipeline.volume(lifter.user, W46) == 300
    assert pipeline.differences() == []


@contextmanager
def set_to(pipeline: Pipeline, **settings: str) -> Iterator[None]:
    """Start the watch and the worker again with other settings, and at the end with their own."""
    own = Home.at(pipeline.settings.home).read("run/parts.json")
    changed = {
        name: {**part, "environment": part["environment"] | settings} if name in PARTS else part
        for name, part in own.items()
    }
    start_again(pipeline, changed)
    try:
        yield
    finally:
        start_again(pipeline, own)


def start_again(pipeline: Pipeline, parts: dict[str, Any]) -> None:
    """Start the watch and the worker with what `tonnage up` would have written."""
    Home.at(pipeline.settings.home).write("run/parts.json", parts)
    for name in PARTS:
        pipeline.supervisor.stop(name)
        pipeline.supervisor.start(name)


def test_what_was_written_counts_when_the_column_has_its_name_again(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    with named_otherwise(app):
        write(app, settled)
        is_named(pipeline, settled, "columns")
    counts(pipeline, settled)


def test_what_was_written_counts_when_the_setting_names_the_column(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    columns = {"performed.reps_per_set": "reps"}
    with named_otherwise(app):
        write(app, settled)
        is_named(pipeline, settled, "columns")
        with set_to(pipeline, TONNAGE_COLUMNS=json.dumps(columns)):
            settings = pipeline.settings.model_copy(update={"columns": columns})
            counts(replace(pipeline, settings=settings), settled)
        is_named(pipeline, settled, "columns")
    counts(pipeline, settled)
