"""Real logs, loaded as the app would: every week's total is that of the files themselves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import infra
from tests.e2e.pipeline import Pipeline

pytestmark = pytest.mark.stack

LOGS = sorted((Path(infra.__file__).parent / "data" / "logs").glob("*.jsonl"))

Weeks = dict[str, tuple[Decimal, int]]
"""Volume and workouts by ISO week."""


def week_of(text: str) -> str:
    time = datetime.fromisoformat(text)
    year, week, _ = (time if time.tzinfo is None else time.astimezone(UTC)).isocalendar()
    return f"{year:04}-W{week:02}"


def volume_of(exercises: list[dict[str, Any]]) -> Decimal:
    pairs = [
        (reps or 0, weight or 0)
        for each in exercises
        for reps, weight in zip(each["reps"], each["weights"], strict=False)
    ]
    return sum((Decimal(reps) * Decimal(weight) for reps, weight in pairs), Decimal(0))


def recomputed(log: Path) -> Iterator[tuple[str, Weeks]]:
    """Yield each user of a log and the weeks, computed from its lines alone."""
    users: defaultdict[str, defaultdict[str, list[Decimal]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for line in log.read_text().splitlines():
        workout = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        users[workout["user"]][week_of(workout["ts"])].append(volume_of(workout["exercises"]))
    for user, weeks in users.items():
        yield user, {week: (sum(each, Decimal(0)), len(each)) for week, each in weeks.items()}


@pytest.fixture(scope="module")
def users(pipeline: Pipeline) -> dict[str, int]:
    """The logs' users, once everything is loaded and served."""
    done = pipeline.command("load", "--json", *map(str, LOGS))
    assert done.returncode == 0, done.stderr
    pipeline.settle()
    return {
        name: user for report in json.loads(done.stdout) for name, user in report["users"].items()
    }


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_every_week_is_that_of_the_file(
    pipeline: Pipeline, users: dict[str, int], log: Path
) -> None:
    for name, weeks in recomputed(log):
        found = pipeline.about(users[name]).weekly_volume("2000-W01").data.weekly_volumes
        assert {each.week: (each.totalVolume, each.workoutCount) for each in found} == weeks


def test_no_figure_differs_after_all_logs(pipeline: Pipeline, users: dict[str, int]) -> None:
    assert users
    assert pipeline.differences() == []


def test_loading_again_adds_nothing(pipeline: Pipeline, users: dict[str, int]) -> None:
    before = pipeline.rows("SELECT sum(total_volume), sum(workout_count) FROM public.weekly_stats")
    done = pipeline.command("load", "--json", *map(str, LOGS))
    assert {report["added"] + report["completed"] for report in json.loads(done.stdout)} == {0}
    pipeline.settle()
    assert users
    assert before == pipeline.rows(
        "SELECT sum(total_volume), sum(workout_count) FROM public.weekly_stats"
    )
