"""Rebuilds beside what serves: nobody notices, and they can be interrupted anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from kafka import KafkaProducer

from infra.services.part import TONNAGE
from stream.admin import kafka_admin
from stream.generations import serving_settings
from stream.names import PUBLIC_WEEKLY_STATS
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.meanwhile import LEAST_A_SECOND, asked_meanwhile, written_meanwhile
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.reader import Reader

pytestmark = pytest.mark.stack

W45 = "2026-W45"
RESET = ("stream", "reset", "--yes", "--json")


@pytest.fixture(autouse=True)
def nothing_kept(pipeline: Pipeline) -> Iterator[None]:
    """Leave no generation but the one that serves: each costs a process."""
    yield
    with psycopg.connect(pipeline.settings.need("read_store_dsn"), autocommit=True) as store:
        store.execute("UPDATE tonnage.generation SET state = 'dropping' WHERE state <> 'serving'")
    until(lambda: len(generations(pipeline)) == 1, "the end of the generations before")


def generations(pipeline: Pipeline) -> dict[int, str]:
    """Return the state of each generation."""
    rows = pipeline.rows("SELECT number, state FROM tonnage.generation ORDER BY number")
    return dict(rows)


def serving(pipeline: Pipeline) -> int:
    return next(number for number, state in generations(pipeline).items() if state == "serving")


def reset(pipeline: Pipeline, *options: str) -> dict[str, Any]:
    done = pipeline.command(*RESET, *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def killed_while(pipeline: Pipeline, phase: str, *options: str) -> list[str]:
    """Begin a reset, or go on with one, and kill it in a phase; return the phases before."""
    with subprocess.Popen(
        [TONNAGE, *RESET, *options],
        env={**os.environ, "TONNAGE_HOME": str(pipeline.settings.home)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        seen: list[str] = []
        for line in process.stderr:
            seen.append(line.strip())
            if seen[-1] == phase:
                break
        assert seen[-1:] == [phase], seen
        process.send_signal(signal.SIGKILL)
    return seen


def slots_of(pipeline: Pipeline) -> list[str]:
    """Return the primary's replication slots."""
    slots = "SELECT slot_name::text FROM pg_replication_slots ORDER BY 1"
    with psycopg.connect(pipeline.settings.need("source_dsn")) as primary:
        return [name for (name,) in primary.execute(slots)]


def own_slot(pipeline: Pipeline) -> str:
    """Return the slot of the capture that feeds what serves."""
    return serving_settings(pipeline.settings).slot_name


def topics_of_generation(pipeline: Pipeline, number: int) -> list[str]:
    """Return the topics that a generation has of its own."""
    with kafka_admin(pipeline.settings) as admin:
        return [name for name in admin.list_topics() if name.startswith(f"tonnage.g{number}.")]


@pytest.fixture
def reader(pipeline: Pipeline) -> Iterator[Reader]:
    made = Reader(pipeline.settings.need("bootstrap_servers"))
    yield made
    made.consumer.close()


def test_nobody_notices_a_rebuild(
    pipeline: Pipeline, lifter: Lifter, record_testsuite_property: Callable[[str, object], None]
) -> None:
    pipeline.settle()
    before = serving(pipeline)
    with written_meanwhile(pipeline, lifter), asked_meanwhile(pipeline, lifter.user) as answers:
        done = reset(pipeline)
    assert generations(pipeline) == {before: "kept", done["generation"]: "serving"}
    record_testsuite_property("answers a second beside a rebuild", answers["a second"])
    assert answers["a second"] > LEAST_A_SECOND
    assert (answers["failed"], answers["wrong"]) == (0, 0), answers
    kinds = {kind for counts in done["differences"].values() for kind in counts}
    assert kinds <= {"being written"}
    pipeline.settle()
    assert pipeline.differences() == []


def test_what_is_published_after_a_rebuild_is_what_differs(
    pipeline: Pipeline, settled: Lifter, reader: Reader
) -> None:
    reader.read()
    key = json.dumps({"user_id": settled.user, "week": W45}, separators=(",", ":"))
    ghost = json.dumps({"user_id": settled.user, "week": "1999-W01"}, separators=(",", ":"))
    producer = KafkaProducer(bootstrap_servers=pipeline.settings.need("bootstrap_servers"))
    for wrong in (key, ghost):
        partition = settled.user % pipeline.settings.partitions
        producer.send(PUBLIC_WEEKLY_STATS, b"{}", wrong.encode(), partition=partition)
    producer.close()
    reader.read()
    reset(pipeline)
    found = {(name, value and value["total_volume"]) for _, name, value in reader.read()}
    assert found == {(key, 2140), (ghost, None)}


def test_a_rebuild_that_is_killed_anywhere_leaves_what_serves_and_goes_on(
    pipeline: Pipeline, settled: Lifter
) -> None:
    before = serving(pipeline)
    for phase in ("waiting for a worker", "building", "comparing"):
        killed_while(pipeline, phase)
        assert list(generations(pipeline).values()) == ["serving", "building"]
        assert serving(pipeline) == before
        assert pipeline.volume(settled.user, W45) == 2140
    for phase in ("switching", "publishing"):
        killed_while(pipeline, phase)
        assert serving(pipeline) in generations(pipeline)
        assert pipeline.volume(settled.user, W45) == 2140
    assert serving(pipeline) > before
    pipeline.settle()
    assert pipeline.differences() == []


def test_one_from_the_source_that_is_killed_anywhere_leaves_one_capture_in_the_end(
    pipeline: Pipeline, settled: Lifter
) -> None:
    before = serving(pipeline)
    for phase in ("starting the capture", "building", "switching"):
        killed_while(pipeline, phase, "--from-source")
        assert serving(pipeline) in (before, before + 1)
        assert pipeline.volume(settled.user, W45) == 2140
    reset(pipeline, "--from-source")
    seen = killed_while(pipeline, "removing the capture before", "--from-source")
    read = [phase.split(", ")[1] for phase in seen if phase.startswith("reading ")]
    assert read == ["table 1 of 3", "table 2 of 3", "table 3 of 3"]
    until(lambda: slots_of(pipeline) == [own_slot(pipeline)], "the end of other slots")
    pipeline.settle()
    assert pipeline.differences() == []


def test_one_that_is_killed_in_its_snapshot_can_be_given_up(
    pipeline: Pipeline, settled: Lifter
) -> None:
    before, slots = generations(pipeline), slots_of(pipeline)
    killed_while(pipeline, "reading public.exercise, table 1 of 3", "--from-source")
    assert pipeline.volume(settled.user, W45) == 2140
    assert pipeline.command("stream", "reset", "--give-up").returncode == 0
    until(lambda: slots_of(pipeline) == slots, "the end of its slot")
    until(lambda: generations(pipeline) == before, "the end of what was begun")
    assert pipeline.volume(settled.user, W45) == 2140


def test_a_rebuild_can_be_given_up(pipeline: Pipeline, settled: Lifter) -> None:
    before = serving(pipeline)
    killed_while(pipeline, "building")
    begun = max(generations(pipeline))
    assert pipeline.command("stream", "reset", "--give-up").stdout.split() == [
        *("Generation", str(begun), "is", "dropped.")
    ]
    for pid in pipeline.supervisor.worker_pids():  # who were to delete it
        os.kill(pid, signal.SIGKILL)
    until(lambda: generations(pipeline) == {before: "serving"}, "the end of what was begun")
    until(lambda: topics_of_generation(pipeline, begun) == [], "the end of its topics")
    assert pipeline.volume(settled.user, W45) == 2140
    schemas = pipeline.rows(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'tonnage_g')"
    )
    assert schemas == [(f"tonnage_g{before}",)]


def test_a_second_rebuild_at_once_is_refused(pipeline: Pipeline) -> None:
    with psycopg.connect(pipeline.settings.need("read_store_dsn")) as store:
        store.execute("SELECT pg_advisory_lock(%s)", [0x72_65_73_65])
        done = pipeline.command(*RESET)
    assert done.returncode == 1
    assert "another rebuild is at work" in done.stderr


def test_a_rollback_serves_what_was_kept_up(app: App, pipeline: Pipeline, settled: Lifter) -> None:
    before = serving(pipeline)
    after = reset(pipeline)["generation"]
    app.run(f"DELETE FROM workouts_performedexercise WHERE id = {settled.benches}")
    pipeline.settle()
    back = pipeline.command("stream", "rollback", "--yes")
    assert back.returncode == 0, back.stderr
    assert generations(pipeline) == {before: "serving", after: "kept"}
    pipeline.settle()
    assert pipeline.volume(settled.user, W45) == 1740
    assert pipeline.differences() == []


def test_without_a_generation_before_there_is_no_way_back(pipeline: Pipeline) -> None:
    done = pipeline.command("stream", "rollback", "--yes")
    assert done.returncode == 1
    assert "no way back" in done.stderr


def test_a_dry_run_changes_nothing(pipeline: Pipeline) -> None:
    before = generations(pipeline)
    done = pipeline.command("stream", "reset", "--dry-run")
    assert done.returncode == 0
    assert "records of the source topics" in done.stdout
    assert generations(pipeline) == before
