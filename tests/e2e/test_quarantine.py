"""A bad row on the list, from the command line: seen, judged anew, healed, never brought back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.supervision import ALIVE
from stream.generations import serving_settings
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until

pytestmark = pytest.mark.stack

TABLE = "workouts_performedexercise"
W45 = "2026-W45"


@pytest.fixture
def bad(app: App, pipeline: Pipeline, settled: Lifter) -> Lifter:
    """The lifter, whose squats of 2026-W45 can't be counted."""
    write(app, settled, '["ten", 8]')
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 400
    return settled


def write(app: App, lifter: Lifter, reps: str) -> None:
    app.run(f"UPDATE {TABLE} SET reps_per_set = '{reps}' WHERE id = {lifter.squats}")


def topic(pipeline: Pipeline) -> str:
    """Name the topic of the capture that feeds what serves."""
    return serving_settings(pipeline.settings).topic(TABLE)


def asked(pipeline: Pipeline, *arguments: str) -> Any:
    """Run `tonnage stream quarantine`, and read what it prints."""
    done = pipeline.command("stream", "quarantine", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_bad_row_is_listed_with_whose_it_is(pipeline: Pipeline, bad: Lifter) -> None:
    (entry,) = asked(pipeline, "list", "--user", str(bad.user))
    assert entry["topic"] == topic(pipeline)
    assert (entry["row_id"], entry["workout_id"]) == (bad.squats, bad.monday)
    assert "ten" in entry["reason"]
    assert entry["since"].endswith("+00:00")
    assert asked(pipeline, "list", "--user", str(bad.user + 1)) == []
    done = pipeline.command("stream", "quarantine", "list")
    assert done.returncode == 0
    assert "rows are left out" in done.stdout


@pytest.mark.parametrize("full", [True, False])
def test_it_is_shown_with_its_event(pipeline: Pipeline, bad: Lifter, full: bool) -> None:  # noqa: FBT001
    named = (topic(pipeline), f'{{"id":{bad.squats}}}') if full else (TABLE, str(bad.squats))
    shown = asked(pipeline, "show", *named)
    assert json.loads(shown["event"])["after"]["reps_per_set"] == '["ten", 8]'
    done = pipeline.command("stream", "quarantine", "show", *named)
    assert done.returncode == 0
    assert '"reps_per_set": "[\\"ten\\", 8]"' in done.stdout


def test_by_the_same_rules_it_stays(pipeline: Pipeline, bad: Lifter) -> None:
    before = asked(pipeline, "show", TABLE, str(bad.squats))
    sent = requests(pipeline)
    (outcome,) = asked(pipeline, "retry", TABLE, str(bad.squats))
    assert outcome["judged"]
    assert outcome["listed"]
    assert outcome["reason"] == before["reason"]
    assert requests(pipeline) == {each: (end + 1, 0) for each, (end, _) in sent.items()}
    assert asked(pipeline, "show", TABLE, str(bad.squats)) == before
    assert pipeline.volume(bad.user, W45) == 400
    assert pipeline.differences() == []


def test_once_healed_it_is_not_on_the_list(app: App, pipeline: Pipeline, bad: Lifter) -> None:
    write(app, bad, "[3, 8]")
    pipeline.settle()
    assert asked(pipeline, "list", "--user", str(bad.user)) == []
    done = pipeline.command("stream", "quarantine", "retry", TABLE, str(bad.squats))
    assert done.returncode == 1
    assert "is not on the list" in done.stderr
    assert pipeline.volume(bad.user, W45) == 1440
    assert pipeline.differences() == []


@pytest.fixture
def stopped(pipeline: Pipeline, bad: Lifter) -> Iterator[Lifter]:
    """The lifter, with no worker at work; the workers go on at the end."""
    supervisor = pipeline.supervisor
    workers = [name for name in supervisor.states() if name.startswith("worker_")]
    for name in workers:
        supervisor.stop(name)
    yield bad
    start(pipeline)


def start(pipeline: Pipeline) -> None:
    for name, part in pipeline.supervisor.states().items():
        if name.startswith("worker_") and part.state not in ALIVE:
            pipeline.supervisor.start(name)


def test_a_request_that_meets_the_correction_brings_nothing_back(
    app: App, pipeline: Pipeline, stopped: Lifter
) -> None:
    write(app, stopped, "[3, 8]")
    named = ("stream", "quarantine", "retry", TABLE, str(stopped.squats))
    done = pipeline.command(*named, "--timeout", "0")
    assert done.returncode == 1
    assert "route has not answered in time" in done.stderr
    start(pipeline)
    pipeline.settle()
    assert asked(pipeline, "list", "--user", str(stopped.user)) == []
    assert pipeline.volume(stopped.user, W45) == 1440
    assert pipeline.differences() == []


@pytest.fixture
def failed(pipeline: Pipeline) -> Iterator[str]:
    """The key of what a step failed on; a step does not fail in a test, so that it is written."""
    table, key = f"{pipeline.schema}.quarantine", "4711"
    pipeline.rows(
        f'INSERT INTO {table} (topic, key, partition, "offset", reason, version)'
        " VALUES ('rows', %s, 0, 0, 'assemble failed: OverflowError()', 0) RETURNING key",
        key,
    )
    yield key
    pipeline.rows(f"DELETE FROM {table} WHERE key = %s RETURNING key", key)


def test_what_a_step_failed_on_is_not_asked_for(
    pipeline: Pipeline, bad: Lifter, failed: str
) -> None:
    done = pipeline.command("stream", "quarantine", "retry", "rows", failed)
    assert done.returncode == 1
    assert "assemble failed on it" in done.stderr
    assert "tonnage stream reset" in done.stderr
    judged = {each["key"]: each["judged"] for each in asked(pipeline, "retry", "--all")}
    assert (judged[failed], judged[f'{{"id":{bad.squats}}}']) == (False, True)


def test_every_live_generation_is_asked(pipeline: Pipeline, bad: Lifter) -> None:
    assert pipeline.command("stream", "reset", "--yes").returncode == 0
    before = requests(pipeline)
    assert len(before) > 1
    asked(pipeline, "retry", TABLE, str(bad.squats))
    until(
        lambda: requests(pipeline) == {each: (end + 1, 0) for each, (end, _) in before.items()},
        "a request that every generation has processed",
    )
    assert pipeline.differences() == []


@pytest.mark.usefixtures("bad")
def test_status_counts_the_list_and_says_why_answers_are_stale(pipeline: Pipeline) -> None:
    found = status(pipeline)
    assert found["quarantined"] == len(asked(pipeline, "list")) >= 1
    assert (found["stale"], found["reason"]) == (False, None)
    kind = "INSERT INTO tonnage.incident (kind, detail) VALUES ('poison', 'of a test') RETURNING 1"
    pipeline.rows(kind)
    try:
        found = status(pipeline)
        shown = pipeline.command("stream", "status").stdout
    finally:
        pipeline.rows("DELETE FROM tonnage.incident WHERE kind = 'poison' RETURNING 1")
    assert (found["stale"], found["reason"]) == (True, "poison: of a test")
    assert "stale: poison: of a test" in shown
    assert f"{found['quarantined']} rows are left out" in shown


def status(pipeline: Pipeline) -> dict[str, Any]:
    done = pipeline.command("stream", "status", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def requests(pipeline: Pipeline) -> dict[int, tuple[int, int]]:
    """Return how many requests each live generation got, and how many wait."""
    return {
        each["generation"]: (
            sum(part["end"] for part in each["partitions"] if is_requests(part)),
            sum(part["lag"] for part in each["partitions"] if is_requests(part)),
        )
        for each in status(pipeline)["generations"]
    }


def is_requests(partition: dict[str, Any]) -> bool:
    return bool(partition["topic"].endswith(".requests"))
