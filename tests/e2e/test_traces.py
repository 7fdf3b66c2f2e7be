"""One change, from the primary to the read store, as an OpenTelemetry collector sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra import caught_up
from stream.settings import load_settings
from stream.tracing import trace_id
from tests.conftest import tonnage
from tests.e2e.app import App
from tests.e2e.pipeline import until
from tests.unit.test_tracing import Collector, collector

pytestmark = pytest.mark.stack
__all__ = ["collector"]

STEPS = {"capture", "route", "assemble", "aggregate", "sink"}


def test_a_change_is_one_trace_through_every_step(home: Path, collector: Collector) -> None:
    settings = {"TONNAGE_TRACES_URL": collector.url, "TONNAGE_TRACES_SHARE": "1"}
    done = tonnage(home, "up", **settings)
    assert done.returncode == 0, done.stderr
    found = load_settings(home=home)
    with psycopg.connect(found.need("source_dsn"), autocommit=True) as connection:
        app = App(connection)
        user = app.user()
        squat = app.exercise(user, "Squat", "legs")
        workout = app.workout(user, "2026-11-02T18:00Z")
        caught_up.wait(found)
        app.performed(workout, squat, "[10, 8]", "[100, 92.5]")
    caught_up.wait(found)
    with psycopg.connect(found.need("read_store_dsn")) as connection:
        row = connection.execute(
            "SELECT (as_of_lsn - '0/0')::bigint FROM public.weekly_stats"
        ).fetchone()
    assert row is not None
    spans: dict[str, dict[str, Any]] = {}

    def all_told() -> bool:
        for span in collector.spans():
            if span["traceId"] == trace_id(int(row[0])):
                spans[span["name"]] = span
        return spans.keys() == STEPS

    until(all_told, "the spans of the last change")
    root = spans["capture"]
    assert {spans[name]["parentSpanId"] for name in STEPS - {"capture"}} == {root["spanId"]}
    ends = [
        int(spans[name]["endTimeUnixNano"]) for name in ("route", "assemble", "aggregate", "sink")
    ]
    assert ends == sorted(ends)
    assert int(root["startTimeUnixNano"]) < ends[0]
