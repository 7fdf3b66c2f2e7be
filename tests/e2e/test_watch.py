"""What the log can't tell is noticed within seconds, makes every answer stale, and is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from kafka import KafkaProducer

from connectors.doctor.doctor import examine_primary
from connectors.doctor.finding import Kind
from stream.generations import serving_settings
from stream.incidents import Incident
from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.watching import drop_slot, slots, watch

pytestmark = pytest.mark.stack

NOTICED_SECONDS = 5


@contextmanager
def stopped_connector(app: App, pipeline: Pipeline) -> Iterator[None]:
    """Let the connector let go of its slot for a while."""
    own = serving_settings(pipeline.settings)
    address = f"{own.connect_url}/connectors/{own.connector_name}"
    httpx.put(f"{address}/stop").raise_for_status()
    until(
        lambda: (
            not app.connection.execute("SELECT FROM pg_replication_slots WHERE active").fetchall()
        ),
        "the slot's release",
    )
    yield
    httpx.put(f"{address}/resume").raise_for_status()


def reason(pipeline: Pipeline, lifter: Lifter) -> str:
    meta = pipeline.meta(lifter.user)
    assert meta.stale == (meta.reason is not None)
    return meta.reason or ""


def is_named(pipeline: Pipeline, lifter: Lifter, *kinds: str) -> None:
    """Wait until an answer is stale for these reasons."""
    until(
        lambda: all(f"{kind}: " in reason(pipeline, lifter) for kind in kinds),
        f"answers that are stale for {kinds}",
        NOTICED_SECONDS,
    )


def is_fresh(pipeline: Pipeline, lifter: Lifter) -> None:
    until(lambda: not reason(pipeline, lifter), "fresh answers")


@pytest.fixture(scope="module")
def asking(pipeline: Pipeline) -> Iterator[None]:
    """Watch without rebuilding: as on a primary that is not the stack's own."""
    with watch(pipeline, TONNAGE_REBUILD="ask"):
        yield


def delete_week(app: App, lifter: Lifter) -> None:
    app.run(
        f"DELETE FROM workouts_performedexercise WHERE workout_id = {lifter.next_week}",
        f"DELETE FROM workouts_workout WHERE id = {lifter.next_week}",
    )


def test_a_dropped_slot_and_deletions_meanwhile_are_mended_by_themselves(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    drop_slot(app)
    delete_week(app, settled)
    is_named(pipeline, settled, "slot")
    is_fresh(pipeline, settled)
    pipeline.settle()
    assert pipeline.week(settled.user, "2026-W46") is None
    assert pipeline.differences() == []
    assert pipeline.command("connector", "status").returncode == 0
    until(lambda: slots(app) == [serving_settings(pipeline.settings).slot_name], "one slot")


def test_a_table_that_was_emptied_is_noticed_and_mended_by_itself(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    app.run("TRUNCATE workouts_performedexercise")
    is_named(pipeline, settled, "emptied")
    is_fresh(pipeline, settled)
    pipeline.settle()
    assert pipeline.volume(settled.user, "2026-W45") == 0
    assert pipeline.differences() == []


def test_a_table_that_was_only_rewritten_is_no_incident_for_long(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    before = pipeline.schema
    app.connection.execute("VACUUM FULL workouts_performedexercise")
    is_named(pipeline, settled, "suspected")
    is_fresh(pipeline, settled)
    assert pipeline.schema == before
    assert pipeline.differences() == []


def advance_slot(app: App, pipeline: Pipeline, lifter: Lifter) -> None:
    """Skip a change, as somebody might who thinks that the slot holds too much back."""
    with stopped_connector(app, pipeline):
        delete_week(app, lifter)
        app.run(
            "SELECT pg_replication_slot_advance(slot_name, pg_current_wal_lsn())"
            " FROM pg_replication_slots"
        )
        is_named(pipeline, lifter, "slot")


def make_slot_anew(app: App, pipeline: Pipeline, lifter: Lifter) -> None:
    with stopped_connector(app, pipeline):
        (name,) = slots(app)
        app.run(f"SELECT pg_drop_replication_slot('{name}')")
        delete_week(app, lifter)
        app.run(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
        is_named(pipeline, lifter, "slot")


def lose_wal(app: App, pipeline: Pipeline, lifter: Lifter) -> None:
    """Let the primary remove WAL that the slot needs, which the doctor finds, too."""
    primary = app.connection
    with stopped_connector(app, pipeline):
        delete_week(app, lifter)
        primary.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        primary.execute("SELECT pg_reload_conf()")
        for _ in range(3):
            primary.execute("SELECT pg_logical_emit_message(false, 'some', 'thing')")
            primary.execute("SELECT pg_switch_wal()")
        primary.execute("CHECKPOINT")
        is_named(pipeline, lifter, "slot")
        primary.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        primary.execute("SELECT pg_reload_conf()")
    assert mended_by(pipeline, Kind.SLOT_LOST) == ["tonnage stream reset --from-source"]


def mended_by(pipeline: Pipeline, kind: Kind) -> list[str | None]:
    """Return the commands that the doctor prints for a kind of finding."""
    found = examine_primary(serving_settings(pipeline.settings))
    return [each.command for each in found if each.kind == kind]


def rename_table(app: App, pipeline: Pipeline, lifter: Lifter) -> None:
    app.run("ALTER TABLE workouts_performedexercise RENAME TO sets")
    app.run(f"DELETE FROM sets WHERE workout_id = {lifter.next_week}")
    is_named(pipeline, lifter, "table")
    app.run("ALTER TABLE sets RENAME TO workouts_performedexercise")
    app.run(f"DELETE FROM workouts_workout WHERE id = {lifter.next_week}")


def rename_column(app: App, pipeline: Pipeline, lifter: Lifter) -> None:
    app.run("ALTER TABLE workouts_performedexercise RENAME reps_per_set TO reps")
    app.run(f"UPDATE workouts_performedexercise SET reps = '[1]' WHERE id = {lifter.squats}")
    is_named(pipeline, lifter, "columns")
    app.run("ALTER TABLE workouts_performedexercise RENAME reps TO reps_per_set")
    delete_week(app, lifter)


def unpublish_table(app: App, pipeline: Pipeline, lifter: Lifter) -> None:
    publication = pipeline.settings.publication
    app.run(f"ALTER PUBLICATION {publication} DROP TABLE workouts_workout")
    delete_week(app, lifter)
    is_named(pipeline, lifter, "publication")
    assert pipeline.command("connector", "apply").returncode == 0


@pytest.mark.parametrize(
    "harm", [advance_slot, make_slot_anew, lose_wal, rename_table, rename_column, unpublish_table]
)
def test_what_was_missed_stays_named_until_one_command_mends_it(
    app: App,
    pipeline: Pipeline,
    settled: Lifter,
    asking: None,
    harm: Callable[[App, Pipeline, Lifter], None],
) -> None:
    del asking
    harm(app, pipeline, settled)
    named = [kind for kind in Incident if f"{kind}: " in reason(pipeline, settled)]
    assert named
    app.run(f"UPDATE workouts_workout SET name = 'after' WHERE id = {settled.monday}")
    is_named(pipeline, settled, *named)
    assert "tonnage stream reset --from-source" in reason(pipeline, settled)
    done = pipeline.command("stream", "reset", "--from-source", "--yes")
    assert done.returncode == 0, done.stderr
    is_fresh(pipeline, settled)
    pipeline.settle()
    assert pipeline.week(settled.user, "2026-W46") is None
    assert pipeline.differences() == []
    assert mended_by(pipeline, Kind.SLOT_LOST) == []


def test_columns_that_do_not_matter_may_come_go_and_change(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    before = pipeline.schema
    app.run("ALTER TABLE workouts_workout ADD notes text")
    app.run(f"UPDATE workouts_workout SET notes = 'x', date = date WHERE id = {settled.monday}")
    app.run("ALTER TABLE workouts_workout ALTER name TYPE text")
    app.run(f"UPDATE workouts_workout SET name = 'longer' WHERE id = {settled.monday}")
    app.run("ALTER TABLE workouts_workout DROP notes")
    app.run(f"DELETE FROM workouts_performedexercise WHERE id = {settled.benches}")
    pipeline.settle()
    assert pipeline.volume(settled.user, "2026-W45") == 1740
    assert pipeline.schema == before
    assert pipeline.differences() == []


def test_a_connector_that_has_failed_is_started_again(
    app: App, pipeline: Pipeline, settled: Lifter
) -> None:
    logs = pipeline.settings.home / "logs"  # of the stack's watch, or of the one in its place

    def started() -> int:
        said = [log.read_text() for log in logs.glob("*watch.log")]
        return "".join(said).count("has failed, starting it again")

    before = started()
    name = serving_settings(pipeline.settings).connector_name
    fence = KafkaProducer(
        bootstrap_servers=pipeline.settings.need("bootstrap_servers"),
        transactional_id=f"tonnage-connect-{name}-0",  # as Connect calls its task's
    )
    fence.init_transactions()
    fence.close()
    until(lambda: started() > before, "the start of what has failed")
    app.run(f"DELETE FROM workouts_performedexercise WHERE id = {settled.benches}")
    pipeline.settle()
    assert pipeline.volume(settled.user, "2026-W45") == 1740
