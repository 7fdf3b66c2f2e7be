"""The read store is put right from what the stream has said, while it serves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from infra.services.part import TONNAGE
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.meanwhile import asked_meanwhile, week, written_meanwhile
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack


def harm(pipeline: Pipeline, user: int) -> None:
    """Alter, delete and invent rows of a user, as nobody should."""
    schema = pipeline.schema
    pipeline.rows(
        f"UPDATE {schema}.weekly_stats SET total_volume = 1 WHERE user_id = %s AND week = 46"
        " RETURNING week",
        user,
    )
    pipeline.rows(f"DELETE FROM {schema}.personal_records WHERE user_id = %s RETURNING kind", user)
    pipeline.rows(
        f"INSERT INTO {schema}.weekly_stats (user_id, year, week, version, created_at, updated_at)"
        " VALUES (%s, 1999, 1, 999999, now(), now()) RETURNING week",
        user,
    )
    pipeline.rows(
        f"UPDATE {schema}.workouts SET user_id = -1, version = version + 1000 WHERE user_id = %s"
        " AND week = 46 RETURNING week",
        user,
    )


def reset(pipeline: Pipeline, *options: str) -> dict[str, int]:
    done = pipeline.command("stream", "reset", "--yes", "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    differences: dict[str, int] = found["differences"]
    return differences


def test_the_whole_read_store_is_filled_again_while_it_serves(
    pipeline: Pipeline, settled: Lifter
) -> None:
    harm(pipeline, settled.user)
    assert pipeline.differences() != []
    with (
        written_meanwhile(pipeline, settled),
        asked_meanwhile(pipeline, settled.user, [week]) as answers,
    ):
        differences = reset(pipeline, "--read-store")
    assert differences["weekly_stats"] == 2
    assert differences["workouts"] == 1
    assert (answers["failed"], answers["wrong"], answers["harmed"]) == (0, 0, 0), answers
    pipeline.settle()
    assert pipeline.differences() == []
    assert reset(pipeline, "--read-store") == {}


def test_one_user_is_put_right_and_others_are_left_as_they_are(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    other = app.user()
    app.workout(other, "2026-11-11T18:00Z")
    pipeline.settle()
    harm(pipeline, settled.user)
    harm(pipeline, other)
    with written_meanwhile(pipeline, settled):
        differences = reset(pipeline, "--user", str(settled.user))
    assert differences["weekly_stats"] == 2
    assert differences["workouts"] == 1
    pipeline.settle()
    assert [each for each in pipeline.differences() if f"user_id={settled.user} " in each] == []
    assert pipeline.volume(settled.user, "2026-W46") == 900
    assert [each for each in pipeline.differences() if f"user_id={other} " in each] != []
    reset(pipeline, "--user", str(other))
    assert pipeline.differences() == []


def test_one_that_is_killed_leaves_what_serves_and_is_begun_again(
    pipeline: Pipeline, settled: Lifter
) -> None:
    harm(pipeline, settled.user)
    with subprocess.Popen(
        [TONNAGE, "stream", "reset", "--read-store", "--yes"],
        env={**os.environ, "TONNAGE_HOME": str(pipeline.settings.home)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().strip() == "filling"
        process.send_signal(signal.SIGKILL)
    assert pipeline.volume(settled.user, "2026-W45") == 2140
    reset(pipeline, "--read-store")
    assert pipeline.differences() == []


def test_a_workout_that_is_held_as_another_users_is_put_right_as_theirs(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    """Once as a user's who never had it, once as one's who had it and moved it away."""
    other = app.user()
    theirs = app.workout(other, "2026-11-11T18:00Z")
    app.run(f"UPDATE workouts_workout SET user_id = {other} WHERE id = {settled.monday}")
    pipeline.settle()
    for workout in (theirs, settled.monday):
        pipeline.rows(
            f"UPDATE {pipeline.schema}.workouts SET user_id = %s, version = version + 1000"
            " WHERE workout_id = %s RETURNING workout_id",
            settled.user,
            workout,
        )
    assert reset(pipeline, "--user", str(settled.user)) == {"workouts": 2}
    assert pipeline.differences() == []


def test_a_deleted_workout_that_is_held_as_a_users_goes_and_stays_gone(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    app.run(
        f"DELETE FROM workouts_performedexercise WHERE id = {settled.next_squats}",
        f"DELETE FROM workouts_workout WHERE id = {settled.next_week}",
    )
    pipeline.settle()
    gone = f"{pipeline.schema}.workouts WHERE workout_id = {settled.next_week}"
    [(version,)] = pipeline.rows(f"SELECT version FROM {gone} AND deleted")
    pipeline.rows(
        f"UPDATE {pipeline.schema}.workouts SET user_id = %s, deleted = false"
        " WHERE workout_id = %s RETURNING workout_id",
        settled.user,
        settled.next_week,
    )
    assert reset(pipeline, "--user", str(settled.user)) == {"workouts": 1}
    assert pipeline.rows(f"SELECT version FROM {gone} AND deleted") == [(version,)]


def test_a_users_bad_rows_are_listed_again(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    bad = app.performed(settled.monday, settled.squat, '["many"]', None)
    other = app.user()
    not_theirs = app.performed(
        app.workout(other, "2026-11-11T18:00Z"), settled.squat, '["all"]', None
    )
    pipeline.settle()
    keys = [f'{{"id":{each}}}' for each in (bad, not_theirs)]
    pipeline.rows(
        f"DELETE FROM {pipeline.schema}.quarantine WHERE key = ANY(%s) RETURNING key", keys
    )
    assert reset(pipeline, "--user", str(settled.user)) == {"quarantine": 1}
    listed = pipeline.rows("SELECT key FROM public.quarantine WHERE key = ANY(%s)", keys)
    assert listed == [(keys[0],)]
    assert reset(pipeline, "--user", str(other)) == {"quarantine": 1}
    assert pipeline.differences() == []


def test_a_dry_run_tells_which_rows_differ_and_changes_nothing(
    pipeline: Pipeline, settled: Lifter
) -> None:
    harm(pipeline, settled.user)
    before = pipeline.differences()
    done = pipeline.command("stream", "reset", "--user", str(settled.user), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert f"user {settled.user}'s rows" in told["would"]
    assert told["rows"]["weekly_stats"] == [
        {"user_id": settled.user, "year": 1999, "week": 1},
        {"user_id": settled.user, "year": 2026, "week": 46},
    ]
    all_of_it = pipeline.command("stream", "reset", "--read-store", "--dry-run")
    assert "Would change: 2 weekly_stats, 1 workouts" in all_of_it.stdout
    assert pipeline.differences() == before
    schemas = pipeline.rows("SELECT nspname FROM pg_namespace WHERE nspname ~ '_(fresh|of_user)$'")
    assert schemas == []
    assert reset(pipeline, "--read-store")["weekly_stats"] == 2


def test_a_dry_run_begins_no_generation(pipeline: Pipeline, settled: Lifter) -> None:
    before = pipeline.rows("SELECT number, state, epoch FROM tonnage.generation")
    done = pipeline.command("stream", "reset", "--user", str(settled.user), "--dry-run")
    assert done.returncode == 0
    assert f"user {settled.user}'s rows" in done.stdout
    assert pipeline.rows("SELECT number, state, epoch FROM tonnage.generation") == before
