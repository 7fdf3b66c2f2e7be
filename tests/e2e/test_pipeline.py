"""What is done in the primary, by plain SQL, shows through HTTP, and nothing else changes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack

W45, W46 = "2026-W45", "2026-W46"


def test_saved_workouts_show_in_their_weeks(pipeline: Pipeline, settled: Lifter) -> None:
    week = pipeline.week(settled.user, W45)
    assert week is not None
    assert week.volume_by_muscle_group == {"legs": 1740, "chest": 400}
    assert (week.workout_count, week.set_count, week.rep_count) == (1, 3, 23)
    assert pipeline.differences() == []


def test_an_edit_shows(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    app.run(
        "UPDATE workouts_performedexercise SET weights_per_set = '[200.125, 92.5]'"
        f" WHERE id = {settled.squats}"
    )
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == Decimal("3141.25")
    assert pipeline.records(settled.user, settled.squat)["heaviest_weight"] == Decimal("200.125")
    assert pipeline.differences() == []


def test_a_delete_shows_and_an_empty_week_disappears(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    app.run(
        f"DELETE FROM workouts_performedexercise WHERE workout_id = {settled.monday}",
        f"DELETE FROM workouts_workout WHERE id = {settled.monday}",
    )
    pipeline.settle()
    assert pipeline.week(settled.user, W45) is None
    assert pipeline.volume(settled.user, W46) == 900
    assert pipeline.records(settled.user, settled.squat)["heaviest_weight:9"] == 100
    assert pipeline.records(settled.user, settled.bench) == {}
    assert pipeline.differences() == []


def test_a_workout_without_exercises_still_counts(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    app.run(f"DELETE FROM workouts_performedexercise WHERE workout_id = {settled.next_week}")
    pipeline.settle()
    week = pipeline.week(settled.user, W46)
    assert week is not None
    assert (week.workout_count, week.total_volume) == (1, Decimal(0))
    assert pipeline.differences() == []


def test_a_date_moves_over_a_year_edge(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    move = f"UPDATE workouts_workout SET date = '%s' WHERE id = {settled.monday}"
    app.run(move % "2021-01-03T23:59:59.999Z")
    pipeline.settle()
    assert pipeline.volume(settled.user, "2020-W53") == 2140
    app.run(move % "2021-01-04T00:00Z")
    pipeline.settle()
    assert pipeline.week(settled.user, "2020-W53") is None
    assert pipeline.volume(settled.user, "2021-W01") == 2140
    assert pipeline.week(settled.user, W45) is None
    assert pipeline.differences() == []


def test_a_workout_moves_to_another_user(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    other = app.user()
    app.run(f"UPDATE workouts_workout SET user_id = {other} WHERE id = {settled.monday}")
    pipeline.settle()
    assert pipeline.week(settled.user, W45) is None
    assert pipeline.volume(other, W45) == 2140
    assert pipeline.records(other, settled.squat)["heaviest_weight"] == 100
    assert pipeline.differences() == []


def test_a_performed_exercise_moves_to_another_workout(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    app.run(
        f"UPDATE workouts_performedexercise SET workout_id = {settled.next_week}"
        f" WHERE id = {settled.squats}"
    )
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 400
    assert pipeline.volume(settled.user, W46) == 2640
    assert pipeline.differences() == []


def test_all_history_follows_a_regroup(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    app.run(f"UPDATE exercise SET muscle_group = 'back' WHERE id = {settled.squat}")
    pipeline.settle()
    found = pipeline.about(settled.user).muscle_groups(W45, W46).data.muscle_groups
    assert {group: each.volume for group, each in found.items()} == {"back": 2640, "chest": 400}
    assert pipeline.differences() == []


@pytest.mark.parametrize(("group", "shown"), [("grip", "grip"), ("", "core")])
def test_an_unknown_group_is_kept_and_an_empty_one_is_core(
    app: App, pipeline: Pipeline, settled: Lifter, group: str, shown: str
) -> None:
    app.run(f"UPDATE exercise SET muscle_group = '{group}' WHERE id = {settled.bench}")
    pipeline.settle()
    week = pipeline.week(settled.user, W45)
    assert week is not None
    assert week.volume_by_muscle_group == {"legs": 1740, shown: 400}
    assert pipeline.differences() == []


def test_an_exercise_is_renamed(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    app.run(f"UPDATE exercise SET name = 'Front squat' WHERE id = {settled.squat}")
    pipeline.settle()
    found = pipeline.about(settled.user).exercises().data.exercises
    assert {each.name for each in found} == {"Bench", "Front squat"}
    assert pipeline.differences() == []


@pytest.mark.parametrize("table", ["exercise", "workouts_workout", "workouts_performedexercise"])
def test_a_primary_key_changes(app: App, pipeline: Pipeline, settled: Lifter, table: str) -> None:
    old, column = {
        "exercise": (settled.squat, "exercise_id"),
        "workouts_workout": (settled.monday, "workout_id"),
        "workouts_performedexercise": (settled.squats, None),
    }[table]
    new = old + 1_000_000_000
    followers = [
        f"UPDATE workouts_performedexercise SET {column} = {new} WHERE {column} = {old}"
    ] * (column is not None)
    app.run(f"UPDATE {table} SET id = {new} WHERE id = {old}", *followers)
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 2140
    assert pipeline.differences() == []


def test_a_user_is_removed(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    app.run(
        "DELETE FROM workouts_performedexercise WHERE workout_id IN"
        f" (SELECT id FROM workouts_workout WHERE user_id = {settled.user})",
        f"DELETE FROM workouts_workout WHERE user_id = {settled.user}",
        f"DELETE FROM exercise WHERE owner_id = {settled.user}",
        f"DELETE FROM auth_user WHERE id = {settled.user}",
    )
    pipeline.settle()
    ask = pipeline.about(settled.user)
    assert ask.weekly_volume(W45, W46).data.weekly_volumes == []
    assert ask.records().data.records == []
    assert ask.exercises().data.exercises == []
    assert pipeline.differences() == []


def test_a_row_comes_back_with_its_key(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    app.run(f"DELETE FROM workouts_performedexercise WHERE id = {settled.squats}")
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 400
    app.run(
        "INSERT INTO workouts_performedexercise"
        " (id, workout_id, exercise_id, sets, reps_per_set, weights_per_set) VALUES"
        f" ({settled.squats}, {settled.monday}, {settled.squat}, 1, '[10]', '[60]')"
    )
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 1000
    assert pipeline.differences() == []


@pytest.mark.parametrize(
    ("reps", "weights"),
    [
        ('["ten", 8]', "[100, 92.5]"),
        ('{"10": 8}', "[100]"),
        ("[10, 8]", "[100, 10000.5]"),
    ],
)
def test_a_bad_row_alone_is_left_out_until_it_heals(
    app: App, pipeline: Pipeline, settled: Lifter, reps: str, weights: str
) -> None:
    write = (
        "UPDATE workouts_performedexercise SET reps_per_set = '{}', weights_per_set = '{}'"
        f" WHERE id = {settled.squats}"
    )
    app.run(write.format(reps, weights))
    pipeline.settle()
    listed = "SELECT reason FROM public.quarantine WHERE key = %s"
    key = f'{{"id":{settled.squats}}}'
    assert pipeline.volume(settled.user, W45) == 400
    assert pipeline.meta(settled.user).quarantined == 1
    assert len(pipeline.rows(listed, key)) == 1
    assert pipeline.differences() == []
    app.run(write.format("[10, 8]", "[100, 92.5]"))
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 2140
    assert pipeline.meta(settled.user).quarantined == 0
    assert pipeline.rows(listed, key) == []
    assert pipeline.differences() == []


def test_min_lsn_finds_ones_own_write(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    for count in range(1, 51):
        app.workout(settled.user, "2026-11-10T18:00Z", f"Extra {count}")
        ((lsn,),) = app.connection.execute("SELECT pg_current_wal_lsn()::text").fetchall()
        answer = pipeline.about(settled.user).week(W46, min_lsn=lsn)
        assert "min_lsn" not in (answer.meta.reason or ""), answer.meta
        assert answer.data.workout_count == 1 + count
