"""A consumer that knows the published documents alone gets the right weeks from the topics."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.consumer import NEEDS, SCRIPT, environment
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until

pytestmark = pytest.mark.stack

Weeks = dict[tuple[int, str], dict[str, Any]]

OF_OURS = (
    "stream",
    "api",
    "infra",
    "connectors",
    "tests",
    "faust",
    "aiokafka",
    "msgspec",
    "psycopg",
)
_WEEKS = (
    "SELECT to_json(held)::text FROM (SELECT *, to_char(year, 'FM0000') || '-W' ||"
    " to_char(week, 'FM00') AS name FROM public.weekly_stats) AS held"
)
OUTSIDE_EQUALITY = {"as_of", "as_of_lsn", "as_of_time", "created_at", "updated_at", "version"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("consumer"), *NEEDS)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "weeks.jsonl"


def command(python: Path, pipeline: Pipeline, out: Path) -> list[str]:
    # -I: neither the folder that it is started in nor PYTHONPATH
    servers = pipeline.settings.need("bootstrap_servers")
    return [str(python), "-I", str(SCRIPT), "--servers", servers, "--out", str(out)]


@pytest.fixture
def following(python: Path, pipeline: Pipeline, out: Path, tmp_path: Path) -> Iterator[None]:
    """The consumer, as it runs while things happen; it must not have ended before the test."""
    with (
        (tmp_path / "said").open("w+") as said,
        subprocess.Popen(
            command(python, pipeline, out), cwd=tmp_path, stdout=said, stderr=said
        ) as process,
    ):
        yield
        ended = process.poll()
        process.kill()
        said.seek(0)
        assert ended is None, said.read()


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in row.items() if name not in OUTSIDE_EQUALITY}


def consumed(out: Path) -> Weeks:
    lines = out.read_text().splitlines() if out.exists() else []
    found = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]
    return {(each["key"]["user_id"], each["key"]["week"]): plain(each["value"]) for each in found}


def served(pipeline: Pipeline) -> Weeks:
    """Return the weeks of the read store, by their names in the topic."""
    pipeline.settle()
    found: Weeks = {}
    for (text,) in pipeline.rows(_WEEKS):
        row = plain(json.loads(text, parse_float=Decimal, parse_int=Decimal))
        row["week"] = row.pop("name")
        found[row["user_id"], row["week"]] = row
    return found


def agree(pipeline: Pipeline, out: Path) -> Weeks:
    expected = served(pipeline)
    until(lambda: consumed(out) == expected, f"the read store's weeks in {out}")
    return expected


@pytest.mark.parametrize("name", OF_OURS)
def test_nothing_of_ours_can_be_imported_there(python: Path, name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-I", "-c", f"import {name}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"No module named '{name}'" in done.stderr


@pytest.mark.usefixtures("following")
def test_a_consumer_gets_the_right_weeks_through_edits_deletions_and_a_rebuild(
    app: App, pipeline: Pipeline, lifter: Lifter, python: Path, out: Path
) -> None:
    w45, w46 = (lifter.user, "2026-W45"), (lifter.user, "2026-W46")
    weeks = agree(pipeline, out)
    assert weeks[w45]["total_volume"] == 2140
    assert w46 in weeks

    edit = "UPDATE workouts_performedexercise SET weights_per_set = '[0.1]' WHERE id = "
    app.run(f"{edit}{lifter.squats}")
    assert agree(pipeline, out)[w45]["total_volume"] == 401

    app.run(
        f"DELETE FROM workouts_performedexercise WHERE workout_id = {lifter.next_week}",
        f"DELETE FROM workouts_workout WHERE id = {lifter.next_week}",
    )
    assert w46 not in agree(pipeline, out)

    done = pipeline.command("stream", "reset", "--yes")
    assert done.returncode == 0, done.stderr
    assert agree(pipeline, out)[w45]["total_volume"] == 401

    app.run(f"UPDATE exercise SET muscle_group = 'back' WHERE id = {lifter.squat}")
    app.workout(lifter.user, "2026-11-10T18:00Z")
    weeks = agree(pipeline, out)
    assert weeks[w46]["workout_count"] == 1
    assert "back" in weeks[w45]["volume_by_muscle_group"]

    later = out.with_name("later.jsonl")
    subprocess.run([*command(python, pipeline, later), "--once"], check=True, timeout=120)
    assert consumed(later) == weeks
