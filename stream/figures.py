"""Figures of an engine process, for Prometheus, and how its worker gets them.

An engine has no port of its own: its worker asks, and tells them together with its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]

ENGINE = CollectorRegistry()
"""What an engine process measures; a process runs one engine."""

RECORDS = Counter("tonnage_step_records", "Records that a step took", ["step"], registry=ENGINE)
MESSAGES = Counter("tonnage_step_messages", "Messages that a step gave", ["step"], registry=ENGINE)
FAILURES = Counter(
    "tonnage_step_failures", "Batches that a step failed on", ["step"], registry=ENGINE
)
BATCH_RECORDS = Histogram(
    "tonnage_step_batch_records",
    "Records of a batch",
    ["step"],
    buckets=(1, 10, 100, 1000, 10_000),
    registry=ENGINE,
)
BATCH_SECONDS = Histogram(
    "tonnage_step_batch_seconds",
    "Time from a batch's records to its last acknowledgement",
    ["step"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=ENGINE,
)
SENT = Counter(
    "tonnage_sent_records", "Records that the broker has acknowledged", ["topic"], registry=ENGINE
)
WAITS = Counter(
    "tonnage_sink_waits", "How often the sink found the read store away", registry=ENGINE
)
READY = Gauge("tonnage_engine_ready", "1 while input flows", registry=ENGINE)
RESTORED = Gauge(
    "tonnage_restored_records", "Changelog records of the last restore", registry=ENGINE
)
STATE = Gauge("tonnage_state_bytes", "Size of a step's local state", ["step"], registry=ENGINE)
ProcessCollector(namespace="tonnage_engine", registry=ENGINE)


class Family(msgspec.Struct, frozen=True):
    """A metric with its samples: (name, labels, value)."""

    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


def engine_figures() -> list[Family]:
    """Return the figures of this process."""
    return [
        Family(
            found.name,
            found.documentation,
            found.type,
            [(each.name, dict(each.labels), each.value) for each in found.samples],
        )
        for found in ENGINE.collect()
    ]


def measure_state(folder: Path, step: str) -> None:
    """Tell from now on how large a step's stores are, which lie in folders `step-partition`."""
    STATE.labels(step).set_function(lambda: sum(map(_size, folder.glob(f"{step}-*/*"))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # compacted away just now
        return 0


class Gathered(Collector):
    """The figures of several engines, each with the number of its generation."""

    def __init__(self, engines: Mapping[int, Iterable[Family]]) -> None:
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        """Yield each metric once, with the samples of all engines."""
        metrics: dict[str, Metric] = {}
        for generation, families in self._engines.items():
            for family in families:
                metric = metrics.get(family.name)
                if metric is None:
                    metric = metrics[family.name] = Metric(family.name, family.text, family.kind)
                for name, labels, value in family.samples:
                    metric.add_sample(name, {**labels, "generation": str(generation)}, value)
        yield from metrics.values()


def worker_page(engines: Mapping[int, Iterable[Family]]) -> bytes:
    """Return the page to scrape of a worker with these engines."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(Gathered(engines))
    return generate_latest(registry)
