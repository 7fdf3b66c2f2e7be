"""When a user's rows are deleted nothing of them is left; what is left all the same is found."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from kafka import KafkaProducer
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType

from infra.erasure.dates import configs_of, gone_by
from infra.erasure.proof import places
from infra.home import Home
from infra.workers import paused
from stream.admin import kafka_admin
from stream.names import PUBLIC_WEEKLY_STATS
from stream.topics import BOUND, ensure_topics
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until

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
    assert pipeline.meta(settled.user).quarantined == 1
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


def test_what_is_another_users_now_is_not_held_against_it(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    other = app.user()
    theirs = app.workout(other, "2026-11-11T18:00Z")
    app.run(f"UPDATE workouts_workout SET user_id = {other} WHERE id = {settled.monday}")
    app.run(
        f"UPDATE workouts_performedexercise SET workout_id = {theirs}"
        f" WHERE id = {settled.next_squats}"
    )
    app.run(
        f"UPDATE exercise SET owner_id = {other} WHERE id IN ({settled.squat}, {settled.bench})"
    )
    pipeline.settle()
    delete_all(app, settled.user)
    code, places = erase(pipeline, settled.user)
    assert [each for each in places.values() if each["values"]] == []
    assert code == 0
    assert places["training.workouts.v1"]["keys"] == 1
    assert pipeline.volume(other, "2026-W45") == 2140


def test_a_deleted_row_that_has_values_is_emptied(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    delete_all(app, settled.user)
    pipeline.settle()
    pipeline.rows(
        f"UPDATE {pipeline.schema}.workouts SET name = 'secret' WHERE workout_id = %s"
        " RETURNING workout_id",
        settled.monday,
    )
    pipeline.rows(
        f"UPDATE {pipeline.schema}.weekly_stats SET rep_count = 18 WHERE user_id = %s"
        " AND week = 45 RETURNING week",
        settled.user,
    )
    code, places = erase(pipeline, settled.user)
    assert code == 0
    tables = ("workouts", "weekly_stats", "personal_records")
    assert [places[f"{pipeline.schema}.{each}"]["purged"] for each in tables] == [1, 1, 0]
    held = pipeline.rows(
        f"SELECT name, deleted FROM {pipeline.schema}.workouts WHERE workout_id = %s",
        settled.monday,
    )
    assert held == [(None, True)]


def test_values_that_are_left_are_found(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    delete_all(app, settled.user)
    pipeline.settle()
    pipeline.rows(
        f"INSERT INTO {pipeline.schema}.weekly_stats"
        " (user_id, year, week, version, created_at, updated_at)"
        " VALUES (%s, 1999, 1, 999999, now(), now()) RETURNING week",
        settled.user,
    )
    with psycopg.connect(pipeline.settings.need("read_store_dsn")) as store:
        store.execute(f"CREATE SCHEMA {pipeline.schema}_fresh".encode())
    key = json.dumps({"user_id": settled.user, "week": "2026-W45"}, separators=(",", ":")).encode()
    rebuilds = pipeline.settings.home / "rebuilds"
    rebuilds.mkdir(exist_ok=True)
    listed = rebuilds / "generation-0.jsonl"
    listed.write_text(json.dumps({"key": {"user_id": settled.user}, "before": None, "after": None}))
    with paused(Home.at(pipeline.settings.home)):  # a worker would put the topic right by itself
        say(pipeline, PUBLIC_WEEKLY_STATS, settled.user, key, b"{}")
        try:
            looked_at = {each.where: each for each in places(pipeline.settings, settled.user)}
        finally:
            say(pipeline, PUBLIC_WEEKLY_STATS, settled.user, key, None)
            listed.unlink()
    found = {where: list(each.values) for where, each in looked_at.items() if each.values}
    assert found == {
        f"{pipeline.schema}.weekly_stats": ["1999-1"],
        PUBLIC_WEEKLY_STATS: [key.decode()],
        str(listed): ["1 differences that a rebuild has listed"],
    }
    assert looked_at[f"{pipeline.schema}_fresh"].purged == 1
    code, _ = erase(pipeline, settled.user)
    assert code == 1
    done = pipeline.command("stream", "reset", "--user", str(settled.user), "--yes")
    assert done.returncode == 0, done.stderr
    code, _ = erase(pipeline, settled.user)
    assert code == 0


def test_a_topic_without_a_bound_gets_one_and_has_no_date_before(pipeline: Pipeline) -> None:
    unbound = {BOUND: (AlterConfigOp.DELETE, None)}
    with kafka_admin(pipeline.settings) as admin:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, PUBLIC_WEEKLY_STATS, unbound)]
        )
    until(lambda: dates(pipeline).startswith("no date"), "a topic without a bound")
    ensure_topics(pipeline.settings)
    bound = "older values by 2026-12-02, keys by 2027-01-08"
    until(lambda: dates(pipeline).startswith(bound), "its bound")


def dates(pipeline: Pipeline) -> str:
    configs = configs_of(pipeline.settings, [PUBLIC_WEEKLY_STATS])[PUBLIC_WEEKLY_STATS]
    return gone_by(configs, datetime(2026, 11, 25, tzinfo=UTC))


def say(pipeline: Pipeline, topic: str, user: int, key: bytes, value: bytes | None) -> None:
    producer = KafkaProducer(bootstrap_servers=pipeline.settings.need("bootstrap_servers"))
    producer.send(topic, value, key, partition=user % pipeline.settings.partitions)
    producer.close()
