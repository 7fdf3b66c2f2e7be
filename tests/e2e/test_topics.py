"""The public topics: what downstream consumers read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from stream.names import (
    PUBLIC_EXERCISES,
    PUBLIC_RECORDS,
    PUBLIC_WEEKLY_STATS,
    PUBLIC_WORKOUTS,
)
from tests.documented import Documented
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline
from tests.e2e.reader import TOPICS, Reader

pytestmark = pytest.mark.stack

encode = msgspec.json.Encoder(decimal_format="number").encode

Values = dict[str, dict[str, Any]]


@pytest.fixture
def reader(pipeline: Pipeline) -> Iterator[Reader]:
    made = Reader(pipeline.settings.need("bootstrap_servers"))
    yield made
    made.consumer.close()


def last_values(messages: list[tuple[str, str, dict[str, Any] | None]], topic: str) -> Values:
    last = {key: value for name, key, value in messages if name == topic}
    return {key: value for key, value in last.items() if value is not None}


KEYS = {
    PUBLIC_EXERCISES: "json_build_object('exercise_id', exercise_id)",
    PUBLIC_RECORDS: "json_build_object('user_id', user_id, 'exercise_id', exercise_id,"
    " 'kind', kind)",
    PUBLIC_WEEKLY_STATS: "json_build_object('user_id', user_id, 'week',"
    " to_char(year, 'FM0000') || '-W' || to_char(week, 'FM00'))",
    PUBLIC_WORKOUTS: "json_build_object('workout_id', workout_id)",
}
VIEWS = {
    PUBLIC_EXERCISES: "exercises",
    PUBLIC_RECORDS: "personal_records",
    PUBLIC_WEEKLY_STATS: "weekly_stats",
    PUBLIC_WORKOUTS: "workouts",
}


def held(pipeline: Pipeline, topic: str) -> Values:
    """Return the read store's rows by the key they have in a topic."""
    rows = pipeline.rows(
        f"SELECT {KEYS[topic]}::text, to_json(v)::text FROM public.{VIEWS[topic]} v"
    )
    return {
        json.dumps(json.loads(key), separators=(",", ":")): json.loads(
            row, parse_float=Decimal, parse_int=Decimal
        )
        for key, row in rows
    }


SAME = {
    PUBLIC_EXERCISES: ("name", "muscle_group", "owner_id"),
    PUBLIC_RECORDS: ("value", "reps", "weight", "workout_id", "performed_exercise_id"),
    PUBLIC_WEEKLY_STATS: (
        "year", "total_volume", "workout_count", "set_count", "rep_count", "quarantined",
        "volume_by_muscle_group", "sets_by_muscle_group", "sessions_by_muscle_group",
        "volume_by_day", "last_trained_by_muscle_group",
    ),
    PUBLIC_WORKOUTS: ("user_id", "name", "total_volume", "exercises", "bad_rows"),
}  # fmt: skip


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_holds_what_the_read_store_holds(
    pipeline: Pipeline, lifter: Lifter, reader: Reader, topic: str
) -> None:
    pipeline.settle()
    rows = held(pipeline, topic)
    published = last_values(reader.read(), topic)
    assert lifter.user in {row.get("user_id", row.get("owner_id")) for row in rows.values()}
    assert published.keys() == rows.keys()
    documented = Documented(topic)
    for key, value in published.items():
        documented.check(key, encode(value))
        assert {name: value[name] for name in SAME[topic]} == {
            name: rows[key][name] for name in SAME[topic]
        }
        assert value["as_of"]["time"] is not None


def test_an_edit_publishes_what_it_changes_and_nothing_else(
    app: App, pipeline: Pipeline, lifter: Lifter, reader: Reader
) -> None:
    pipeline.settle()
    reader.read()
    app.run(
        "UPDATE workouts_performedexercise SET weights_per_set = '[101, 92.5]'"
        f" WHERE id = {lifter.squats}"
    )
    pipeline.settle()
    of_squat = f'{{"user_id":{lifter.user},"exercise_id":{lifter.squat},"kind":"%s"}}'
    assert sorted((topic, key) for topic, key, _ in reader.read()) == sorted(
        [
            (PUBLIC_WORKOUTS, f'{{"workout_id":{lifter.monday}}}'),
            (PUBLIC_WEEKLY_STATS, f'{{"user_id":{lifter.user},"week":"2026-W45"}}'),
            (PUBLIC_RECORDS, of_squat % "heaviest_weight"),
            (PUBLIC_RECORDS, of_squat % "heaviest_weight:10"),
            (PUBLIC_RECORDS, of_squat % "estimated_1rm"),
            (PUBLIC_RECORDS, of_squat % "workout_volume"),
            (PUBLIC_RECORDS, of_squat % "set_reps"),  # the same set, of another weight
        ]
    )


def test_what_changes_no_figure_is_not_published(
    app: App, pipeline: Pipeline, lifter: Lifter, reader: Reader
) -> None:
    pipeline.settle()
    reader.read()
    app.run(f"UPDATE workouts_workout SET total_volume = 78 WHERE id = {lifter.monday}")
    app.run(f"UPDATE workouts_performedexercise SET sets = 4 WHERE id = {lifter.squats}")
    app.run(f"UPDATE exercise SET level = 'expert' WHERE id = {lifter.squat}")
    pipeline.settle()
    assert reader.read() == []


def test_what_is_gone_leaves_a_tombstone(
    app: App, pipeline: Pipeline, lifter: Lifter, reader: Reader
) -> None:
    pipeline.settle()
    reader.read()
    app.run(
        f"DELETE FROM workouts_performedexercise WHERE workout_id = {lifter.next_week}",
        f"DELETE FROM workouts_workout WHERE id = {lifter.next_week}",
    )
    pipeline.settle()
    gone = {(topic, key) for topic, key, value in reader.read() if value is None}
    assert gone == {
        (PUBLIC_WORKOUTS, f'{{"workout_id":{lifter.next_week}}}'),
        (PUBLIC_WEEKLY_STATS, f'{{"user_id":{lifter.user},"week":"2026-W46"}}'),
        (
            PUBLIC_RECORDS,
            f'{{"user_id":{lifter.user},"exercise_id":{lifter.squat},"kind":"heaviest_weight:9"}}',
        ),
    }
