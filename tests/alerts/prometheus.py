"""Prometheus with our rules over a real stack, in a hurry: seconds where the rules say minutes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.ports import choose
from tests.alerts.rules import OBSERVABILITY, RULES, program
from tests.e2e.pipeline import until

HURRY = {
    "for: 1m": "for: 2s",
    "for: 2m": "for: 2s",
    "for: 5m": "for: 2s",
    "for: 10m": "for: 2s",
    "[5m]": "[20s]",
    "[15m]": "[60s]",
    "> 60": "> 8",
    "> 10000": "> 20",
    "> 5e9": "> 4e6",
}
"""What is shorter, or smaller, than in the rules; nothing else differs."""

Fired = frozenset[tuple[str, str]]


def hurried() -> str:
    text = RULES.read_text()
    for slow, quick in HURRY.items():
        assert slow in text
        text = text.replace(slow, quick)
    return text


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    http: httpx.Client

    def firing(self) -> Fired:
        """Return the alerts that fire, each with the part or the kind that it is about."""
        alerts = self.http.get("/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        return frozenset(
            (
                each["labels"]["alertname"],
                each["labels"].get("part", each["labels"].get("kind", "")),
            )
            for each in alerts
            if each["state"] == "firing"
        )

    def ready(self) -> bool:
        try:
            return self.http.get("/-/ready").is_success
        except httpx.TransportError:
            return False


@contextmanager
def prometheus(folder: Path, targets: list[dict[str, Any]]) -> Iterator[Prometheus]:
    """Run Prometheus with the configuration that we publish, over these targets."""
    configuration = (OBSERVABILITY / "prometheus.yml").read_text()
    assert ": 5s" in configuration
    (folder / "prometheus.yml").write_text(configuration.replace(": 5s", ": 1s"))
    (folder / "alerts.yml").write_text(hurried())
    (folder / "targets.json").write_text(json.dumps(targets))
    address = f"127.0.0.1:{choose('prometheus', None, 0, None)}"
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
        httpx.Client(base_url=f"http://{address}", trust_env=False) as http,
    ):
        try:
            made = Prometheus(http)
            until(made.ready, "Prometheus")
            yield made
        finally:
            process.terminate()
