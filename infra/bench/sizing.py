"""What a row costs and weighs, for the model of capacity, and how far that model is off.

The model is fed with what one worker needs for a row, and predicts how long one and two take.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil

from infra.bench.figure import Figure, Target, compare
from infra.bench.ground import ALL, Stage
from infra.bench.replaying import replay_seconds
from infra.bench.suite import Bench, Run
from infra.capacity import Figures, deviation
from infra.capacity import Run as Build

MAY_DIFFER = 1.3
SERVERS = ("kafka", "connect", "read-store", "primary")


def measure(run: Run) -> Iterator[Figure]:
    """Replay by one worker and by two, and hold the model to both."""
    found = run.shared()
    found.up(ALL, 2)
    rows, cores = found.rows.captured, os.cpu_count() or 1
    seconds: dict[int, list[float]] = {1: [], 2: []}
    of_worker, of_servers = [], []
    for _ in run.turns("what a row costs"):
        seconds[2].append(replay_seconds(found, ("worker_0", "worker_1")))
        servers = _processor_seconds(found, SERVERS)
        seconds[1].append(replay_seconds(found))
        of_servers.append((_processor_seconds(found, SERVERS) - servers) / rows * 1e6)
        of_worker.append(_processor_seconds(found, ("worker_0",)) / rows * 1e6)
    found.supervisor.start("worker_1")
    builds = [Build(rows, workers, cores, median(took)) for workers, took in seconds.items()]
    run.figures = Figures(
        worker_us=median(of_worker),
        servers_us=median(of_servers),
        state_bytes=_bytes(found.settings.state_folder) / rows,
        runs=tuple(builds),
    )
    for build in builds:
        off = 1 + deviation(run.figures, build)
        predicted, measured = build.seconds * off, build.seconds
        sides = [max(predicted, measured)], [min(predicted, measured)]
        target = Target(MAY_DIFFER, "lower", "what was measured, or the model where that is less")
        name = f"capacity-model-{build.workers}-workers"
        yield compare(name, target, sides, "s", bench=BENCH.name)


def _processor_seconds(found: Stage, names: tuple[str, ...]) -> float:
    """Return what parts have used of the processors since they were started."""
    states = found.supervisor.states()
    total = 0.0
    for name in names:
        process = psutil.Process(states[name].pid)
        for each in (process, *process.children(recursive=True)):
            used = each.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


BENCH = Bench("capacity", "what a row costs and weighs, and the model of capacity", measure)
