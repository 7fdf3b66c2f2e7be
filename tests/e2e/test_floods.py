"""Much at once: of one transaction, of one user."""

from __future__ import annotations

import pytest

from infra import caught_up
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack

DAYS, A_DAY = 2_000, 10
FLOOD = 500
W45 = "2026-W45"


def test_a_huge_transaction_is_served_whole(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    user = app.user()
    app.run(
        "INSERT INTO workouts_workout (user_id, date, name, total_volume)"
        f" SELECT {user}, timestamptz '2016-01-01' + day * interval '1 day', 'huge', 0"
        f" FROM generate_series(1, {DAYS}) AS day",
        "INSERT INTO workouts_performedexercise"
        " (workout_id, exercise_id, sets, reps_per_set, weights_per_set)"
        f" SELECT id, {settled.squat}, 1, '[1]', '[2]'"
        f" FROM workouts_workout, generate_series(1, {A_DAY}) WHERE user_id = {user}",
    )
    pipeline.settle()
    assert pipeline.volume(user, "2020-W10") == 7 * A_DAY * 2
    assert pipeline.differences() == []
    of_user = f"(SELECT id FROM workouts_workout WHERE user_id = {user})"
    app.run(
        f"DELETE FROM workouts_performedexercise WHERE workout_id IN {of_user}",
        f"DELETE FROM workouts_workout WHERE user_id = {user}",
    )
    pipeline.settle()
    assert pipeline.week(user, "2020-W10") is None
    assert pipeline.differences() == []


def test_a_flood_of_one_user_leaves_others_fresh(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    other = app.user()
    workout = app.workout(other, "2026-11-02T18:00Z")
    for number in range(FLOOD):
        app.run(
            f"UPDATE workouts_performedexercise SET reps_per_set = '[{number % 50}]'"
            f" WHERE id = {settled.squats}"
        )
    app.performed(workout, settled.bench, "[5]", "[80]")
    lsn = caught_up.current_lsn(pipeline.settings)
    found = pipeline.about(other).week(W45, min_lsn=lsn)
    assert not found.meta.stale
    assert found.data.total_volume == 400
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 100 * ((FLOOD - 1) % 50) + 400
    assert pipeline.differences() == []
