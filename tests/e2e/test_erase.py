"""When a user's rows are deleted nothing of them is left; what is left all the same is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack


def erase(pipeline: Pipeline, user: int) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and each place by its name."""
    done = pipeline.command("stream", "erase", "--user", str(user), "--json")
    assert done.stdout, done.stderr
    return done.returncode, {each["where"]: each for each in json.loads(done.stdout)["places"]}


def delete_all(app: App, user: int) -> None:
    """Delete what the user has, as the app does: children first, one transaction."""
    of_user = f"(SELECT id FROM workouts_workout WHERE user_id = {user})"
    app.run(
        f"DELETE FROM workouts_performedexercise WHERE workout_id IN {of_user}",
        f"DELETE FROM workouts_workout WHERE user_id = {user}",
        f"DELETE FROM exercise WHERE owner_id = {user}",
        f"DELETE FROM auth_user WHERE id = {user}",
    )


def test_nothing_is_left_of_a_user_whose_rows_are_deleted(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    app.performed(settled.monday, settled.squat, '["many"]', None)
    pipeline.settle()
    assert pipeline.get(settled.user, "streak")["meta"]["quarantined"] == 1
    delete_all(app, settled.user)
    code, places = erase(pipeline, settled.user)
    assert [each for each in places.values() if each["values"]] == []
    assert code == 0
    generation = pipeline.schema.removeprefix("tonnage_")
    looked_at = {
        "fit": ("public.workouts_workout", 2),
        "training": ("weekly-stats.v1", 2),
        f"tonnage.{generation}": ("aggregate-changelog", 4),
        pipeline.schema: ("workouts", 2),
    }
    for prefix, (name, keys) in looked_at.items():
        found = next(
            each
            for where, each in places.items()
            if where.startswith(prefix) and where.endswith(name)
        )
        assert found["keys"] == keys, found
        assert "by" in found["gone_by"] or "with" in found["gone_by"]


def test_a_user_who_has_rows_is_refused(pipeline: Pipeline, settled: Lifter) -> None:
    done = pipeline.command("stream", "erase", "--user", str(settled.user))
    assert done.returncode == 1
    assert "has 2 workouts and 2 exercises in the primary" in done.stderr


def test_a_value_that_is_left_is_found(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    delete_all(app, settled.user)
    pipeline.settle()
    pipeline.rows(
        f"UPDATE {pipeline.schema}.workouts SET name = 'secret' WHERE workout_id = %s"
        " RETURNING workout_id",
        settled.monday,
    )
    code, places = erase(pipeline, settled.user)
    assert code == 1
    assert places[f"{pipeline.schema}.workouts"]["values"] == [str(settled.monday)]
