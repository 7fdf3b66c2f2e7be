"""Every question on a real stack, in a zone with summer time, held to a recomputation.

What is recomputed is read from the primary; the steps, the read store and the API are passed
as a deployment has them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from infra import caught_up
from infra.home import Home
from infra.stack import down
from stream.settings import Settings, load_settings
from tests.conftest import tonnage
from tests.e2e.app import App
from tests.e2e.test_logs import LOGS
from tests.recomputed import questions
from tests.recomputed.answers import Answers
from tests.topology.source import Tables

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

ZONE = ZoneInfo("Europe/Berlin")
NIGHTS = [
    "2020-12-31T23:30Z", "2021-01-03T22:59Z", "2021-01-03T23:00Z", "2021-03-28T00:59Z",
    "2021-03-28T01:00Z", "2021-03-28T21:59Z", "2021-03-28T22:00Z", "2021-10-31T00:30Z",
    "2021-10-31T01:30Z", "2021-10-31T22:59Z", "2021-10-31T23:00Z",
]  # fmt: skip
"""Edges of weeks, years and summer time in Berlin."""


@pytest.fixture(scope="module")
def berlin() -> Iterator[Settings]:
    """A stack whose weeks begin at midnight in Berlin, with the real logs and made users."""
    folder = Path(tempfile.mkdtemp(prefix="tonnage-test-")).resolve()
    try:
        for words in (("up",), ("load", *map(str, LOGS))):
            done = tonnage(folder, *words, TONNAGE_TIMEZONE=ZONE.key)
            assert done.returncode == 0, done.stderr
        settings = load_settings(home=folder, timezone=ZONE.key)
        with psycopg.connect(settings.need("source_dsn"), autocommit=True) as connection:
            make_users(App(connection))
        caught_up.wait(settings)
        yield settings
    finally:
        down(Home.at(folder), purge=True)
        shutil.rmtree(folder, ignore_errors=True)


def make_users(app: App) -> None:
    """Make a user of one workout, and one who trains at edges of the calendar."""
    lone, edges = app.user(), app.user()
    squat, mine = app.exercise(edges, "Squat", "legs"), app.exercise(edges, "Mine", "")
    app.performed(app.workout(lone, NIGHTS[2]), squat, "[5, 0]", "[92.5]")
    for number, night in enumerate(NIGHTS):
        workout = app.workout(edges, night)
        app.performed(workout, squat, "[10, 5]", "[50, 100]")
        app.performed(workout, mine, "[3]" if number % 3 else '["x"]', None)


def source(settings: Settings) -> Tables:
    """Read the primary's rows."""

    def rows(query: str) -> dict[int, dict[str, Any]]:
        found = connection.execute(query.encode()).fetchall()
        return {row.pop("id"): row for row in found}

    with psycopg.connect(settings.need("source_dsn"), row_factory=dict_row) as connection:
        connection.execute("SET timezone = 'UTC'")
        return Tables(
            rows("SELECT id, name, muscle_group, owner_id FROM exercise"),
            rows(
                "SELECT id, user_id, name, to_char(date,"
                """ 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS date FROM workouts_workout"""
            ),
            rows(
                "SELECT id, workout_id, exercise_id, reps_per_set::text AS reps_per_set,"
                " weights_per_set::text AS weights_per_set FROM workouts_performedexercise"
            ),
        )


def test_every_question_about_everyone(berlin: Settings) -> None:
    tables = source(berlin)
    answers = Answers(tables, ZONE)
    users = {row["user_id"] for row in tables.workouts.values()}
    assert len(users) == len(LOGS) + 2
    bearer = {"Authorization": f"Bearer {berlin.need('api_admin_token')}"}
    with httpx.Client(base_url=berlin.need("api_url"), headers=bearer, timeout=60) as http:
        for user in (*users, max(users) + 1):  # the last has nothing
            today = datetime.now(UTC)
            asked = [*questions.of_now(today.astimezone(ZONE).isoformat())]
            for question in (*asked, *questions.of_history(answers.history(user))):
                questions.hold(asking(http, user), answers, user, today, question)
            for week in answers.history(user).stats:
                questions.hold_explanation(asking(http, user), week)


def asking(http: httpx.Client, user: int) -> questions.Ask:
    def ask(path: str, asked: dict[str, str]) -> dict[str, Any] | None:
        response = http.get(f"/v1/users/{user}/{path}", params=asked)
        return questions.answer(response.status_code, response.text)

    return ask
