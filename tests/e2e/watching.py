"""What the watch is to notice, and a watch with settings of the test's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from infra.services.part import TONNAGE
from tests.e2e.app import App
from tests.e2e.pipeline import Pipeline, until

_LOOKS = "SELECT FROM tonnage.watch WHERE looked_at > now() - interval '1 second'"


def slots(app: App) -> list[str]:
    rows = app.connection.execute("SELECT slot_name FROM pg_replication_slots").fetchall()
    return [name for (name,) in rows]


def drop_slot(app: App) -> None:
    """Drop the slot under the connector, as somebody might who needs room on the disk."""

    def dropped() -> bool:
        app.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
        with suppress(psycopg.errors.ObjectInUse):
            app.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        return not slots(app)

    until(dropped, "the slot's end")


@contextmanager
def watch(pipeline: Pipeline, **settings: str) -> Iterator[None]:
    """Let it look in place of the stack's."""
    pipeline.supervisor.stop("watch")
    environment = {**os.environ, "TONNAGE_HOME": str(pipeline.settings.home), **settings}
    with (
        (pipeline.settings.home / "logs" / "own-watch.log").open("ab") as log,
        subprocess.Popen([TONNAGE, "connector", "watch"], env=environment, stderr=log) as process,
    ):
        until(lambda: bool(pipeline.rows(_LOOKS)), "a watch that looks")
        yield
        process.terminate()
        assert process.wait(10) == 0
    pipeline.supervisor.start("watch")
