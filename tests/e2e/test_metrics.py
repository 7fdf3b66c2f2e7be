"""What the programs of a stack tell Prometheus, while rows flow."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until

pytestmark = pytest.mark.stack

Labels = frozenset[tuple[str, str]]


def told(pipeline: Pipeline, job: str) -> dict[tuple[str, Labels], float]:
    """Scrape the programs of a job."""
    stack = json.loads((Path(pipeline.settings.home) / "stack.json").read_text())
    found: dict[tuple[str, Labels], float] = {}
    for group in stack["metrics"]:
        if group["labels"]["job"] == job:
            for target in group["targets"]:
                page = httpx.get(f"http://{target}/metrics", trust_env=False).raise_for_status()
                for family in text_string_to_metric_families(page.text):
                    for sample in family.samples:
                        found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def of(figures: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    """Sum the samples of a metric that have these labels."""
    return sum(
        value
        for (held, of_sample), value in figures.items()
        if held == name and labels.items() <= dict(of_sample).items()
    )


def test_a_worker_counts_what_passes_each_step(
    app: App, pipeline: Pipeline, lifter: Lifter
) -> None:
    pipeline.settle()
    before = told(pipeline, "tonnage-worker")
    app.run(
        f"UPDATE workouts_performedexercise SET weights_per_set = '[1]' WHERE id = {lifter.squats}"
    )
    pipeline.settle()
    after = told(pipeline, "tonnage-worker")
    generation = pipeline.schema.removeprefix("tonnage_g")

    def grown(name: str, **labels: str) -> float:
        own = {"generation": generation, **labels}
        return of(after, name, **own) - of(before, name, **own)

    for step in ("route", "assemble", "aggregate", "sink"):
        assert grown("tonnage_step_records_total", step=step) >= 1, step
        assert grown("tonnage_step_batch_seconds_count", step=step) >= 1, step
    for step in ("route", "assemble", "aggregate"):
        assert grown("tonnage_step_messages_total", step=step) >= 1, step
        assert of(after, "tonnage_state_bytes", generation=generation, step=step) > 0, step
        assert of(after, "tonnage_step_failures_total", step=step) == 0, step
    assert grown("tonnage_sent_records_total", topic="training.weekly-stats.v1") == 1
    assert of(after, "tonnage_engine_ready", generation=generation) == 1


def test_the_watch_tells_of_the_capture_and_of_each_step(
    pipeline: Pipeline, lifter: Lifter
) -> None:
    assert lifter.user
    pipeline.settle()
    generation = pipeline.schema.removeprefix("tonnage_g")

    def done() -> bool:
        found = told(pipeline, "tonnage-watch")
        lags = [value for (name, _), value in found.items() if name == "tonnage_step_lag_records"]
        return bool(lags) and not any(lags)

    until(done, "no lag")
    found = told(pipeline, "tonnage-watch")
    for part in ("primary", "read-store", "kafka", "connect"):
        assert of(found, "tonnage_part_up", part=part) == 1, part
    assert of(found, "tonnage_group_workers", generation=generation, state="serving") == 1
    for name in ("connector_running", "slot_present", "slot_active"):
        assert of(found, f"tonnage_{name}") >= 1, name
    assert of(found, "tonnage_primary_wal_bytes") > of(found, "tonnage_slot_retained_bytes") > 0
    assert of(found, "tonnage_incidents") == 0


def test_the_api_counts_its_answers(pipeline: Pipeline, lifter: Lifter) -> None:
    route = "/v1/users/{user_id}/streak"

    def answered() -> float:
        return of(told(pipeline, "tonnage-api"), "tonnage_http_requests_total", route=route)

    before = answered()
    assert pipeline.http.get(f"/v1/users/{lifter.user}/streak").is_success
    assert answered() == before + 1
