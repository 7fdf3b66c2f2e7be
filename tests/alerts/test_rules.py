"""The alert rules as they stand: what they name is there, and each fires and stops by itself."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from api.metrics import Metrics
from infra.observing import METRICS
from stream.figures import ENGINE
from tests.alerts.rules import (
    OBSERVABILITY,
    REPOSITORY,
    RULES,
    dashboards,
    metrics_in,
    program,
    rules,
)


class Course(NamedTuple):
    """A minute's values of some series: well, broken from minute 15 to 45, well again.

    `fires` is a minute at which the alert is seen.
    """

    series: dict[str, str]
    fires: int = 40


def broken(series: str, well: float, ill: float) -> Course:
    return Course({series: f"{well}+0x14 {ill}+0x29 {well}+0x60"})


ASKED = 'tonnage_http_requests_total{{route="/v1/users/{{user_id}}/streak",status="{}"}}'

COURSES = {
    "TonnageApiDown": broken('up{job="tonnage-api"}', 1, 0),
    "TonnageApiErrors": Course(
        {
            ASKED.format("503"): "0+0x14 0+60x29 1740+0x60",
            ASKED.format("200"): "0+60x14 900+0x29 900+60x60",
        }
    ),
    "TonnageStale": broken("tonnage_stale", 0, 1),
    "TonnageLagging": broken("tonnage_freshness_lag_seconds", 1, 100),
    "TonnageIncident": Course({'tonnage_incidents{kind="slot"}': "_x14 1+0x29 stale _x60"}),
    "TonnageDrift": broken("tonnage_drift_rows", 0, 2),
    "TonnageBadRows": Course({"tonnage_quarantined_rows": "0+0x14 1+0x90"}, fires=20),
    "TonnagePartDown": broken('tonnage_part_up{part="kafka"}', 1, 0),
    "TonnageReadStoreDown": broken("tonnage_read_store_up", 1, 0),
    "TonnageWatchDown": broken('up{job="tonnage-watch"}', 1, 0),
    "TonnageWatchBlind": Course(
        {'tonnage_watch_look_timestamp_seconds{of="stream"}': "0+60x14 840+0x29 2700+60x60"}
    ),
    "TonnageRestarting": Course(
        {'process_start_time_seconds{job="tonnage-worker"}': "1+0x14 2 3 4 5+0x90"}, fires=20
    ),
    "TonnageWorkerDown": broken('up{job="tonnage-worker"}', 1, 0),
    "TonnageNoWorker": broken('tonnage_group_workers{state="serving"}', 2, 0),
    "TonnageStepBehind": broken('tonnage_step_lag_records{step="route",partition="1"}', 5, 20_000),
    "TonnageConnectorNotRunning": broken("tonnage_connector_running", 1, 0),
    "TonnageHeartbeatLate": broken("tonnage_heartbeat_age_seconds", 1, 200),
    "TonnageSlotMissing": broken("tonnage_slot_present", 1, 0),
    "TonnageSlotHoldsWal": broken("tonnage_slot_retained_bytes", 1, 6e9),
}


@pytest.fixture
def exported() -> set[str]:
    """What our programs tell; `up` is Prometheus's own."""
    engine = {sample.name for metric in ENGINE.collect() for sample in metric.samples}
    labelled = {
        f"{metric.name}{ending}"
        for metric in ENGINE.collect()
        for ending in {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(
            metric.type, ("",)
        )
    }
    body = bytes(Metrics().page(None, 0).body).decode()
    api = set(re.findall(r"^(?:# TYPE )?(\w+)", body, re.MULTILINE))
    histograms = {f"{name}{ending}" for name in api for ending in ("_bucket", "_sum", "_count")}
    return engine | labelled | api | histograms | METRICS.keys() | {"up"}


def test_every_alert_has_a_runbook_that_is_there() -> None:
    for name, rule in rules().items():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        text = (REPOSITORY / page).read_text()
        anchors = {
            re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        }
        assert anchor in anchors, name
        assert rule["annotations"]["summary"], name
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, name


def test_every_metric_of_a_rule_is_told(exported: set[str]) -> None:
    for name, rule in rules().items():
        named = metrics_in(rule["expr"])
        assert named, name
        assert named <= exported, name


@pytest.mark.parametrize("name", dashboards())
def test_every_metric_of_a_dashboard_is_told(exported: set[str], name: str) -> None:
    expressions = dashboards()[name]
    assert expressions
    for expression in expressions:
        assert metrics_in(expression) <= exported, expression


def test_the_dashboards_have_expressions_that_prometheus_reads(tmp_path: Path) -> None:
    every = [each for expressions in dashboards().values() for each in expressions]
    recorded = [{"record": f"panel:{n}", "expr": each} for n, each in enumerate(every)]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    run(program("promtool"), "check", "rules", str(path))


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_text((OBSERVABILITY / name).read_text())
    (tmp_path / "targets.json").write_text("[]")
    run(program("promtool"), "check", "config", str(tmp_path / "prometheus.yml"))


def test_every_alert_has_a_course() -> None:
    assert COURSES.keys() == rules().keys()


@pytest.mark.parametrize("name", COURSES)
def test_an_alert_fires_while_it_should_and_stops(name: str, tmp_path: Path) -> None:
    course = COURSES[name]

    def seen(minute: int, count: int) -> dict[str, object]:
        return {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": count}] if count else [],
        }

    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": series, "values": values} for series, values in course.series.items()
                ],
                "promql_expr_test": [seen(14, 0), seen(course.fires, 1), seen(75, 0)],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(json.dumps(test))
    run(program("promtool"), "test", "rules", str(path))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
