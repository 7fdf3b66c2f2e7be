"""The first build, from an empty read store until everything is served."""

from __future__ import annotations

import os
from collections.abc import Iterator

from infra.bench.figure import Figure, Target, compare
from infra.bench.ground import ALL, CAPTURE, stage
from infra.bench.population import Population
from infra.bench.suite import Bench, Run
from infra.bench.waiting import beside, captured, served, slot_made
from infra.caught_up import current_lsn

_SNAPSHOT = "Debezium's own snapshot into Kafka, no worker running"


def measure(run: Run) -> Iterator[Figure]:
    """Build with as many workers as cores, and with one, beside a snapshot alone."""
    many = os.cpu_count() or 1
    alone, with_many, with_one = [], [], []
    for _ in run.turns("the first build"):
        alone.append(_snapshot_seconds(run.population))
        with_many.append(_build_seconds(run.population, many))
        with_one.append(_build_seconds(run.population, 1))
    target = Target(4.0, "lower", _SNAPSHOT)
    yield compare("initial-build", target, (with_many, alone), "s", bench=BENCH.name)
    target = Target(None, "lower", _SNAPSHOT)
    yield compare("initial-build-one-worker", target, (with_one, alone), "s", bench=BENCH.name)


def _snapshot_seconds(population: Population) -> float:
    """Return how long Debezium alone takes from the slot's making until all rows are in Kafka."""
    with stage(population) as found, beside(lambda: found.up(CAPTURE, 0)):
        made = slot_made(found)
        return captured(found) - made


def _build_seconds(population: Population, workers: int) -> float:
    """Return how long it takes from the slot's making until all rows are served."""
    with stage(population) as found:
        lsn = current_lsn(found.settings)
        with beside(lambda: found.up(ALL, workers)):
            made = slot_made(found)
            return served(found, lsn) - made


BENCH = Bench("initial-build", "empty read store to caught up, snapshot included", measure)
