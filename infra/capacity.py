"""What a deployment needs for so many users, and what breaks first: a model, nothing is measured.

It is fed with what a benchmark has measured of one machine (`Figures`) and with what people do
(`People`). Costs are per row of the source, since all that Tonnage keeps and does grows with rows.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import NamedTuple

import msgspec

from infra.errors import TonnageError

MOST_PARTITIONS = 256
HEADROOM = 0.5
"""Of anything's capacity, how much a peak may take: the rest is for catching up."""

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
GB = 1e9


class Run(msgspec.Struct, frozen=True):
    """A build of a generation as it was measured; `seconds` is how long it took."""

    rows: int
    workers: int
    cores: float
    seconds: float


class Figures(msgspec.Struct, frozen=True):
    """What a benchmark has measured; the defaults are those of docs/scaling.md.

    Attributes:
        worker_us: processor time of a worker for a row of the source, in microseconds.
        servers_us: that of broker, Connect and read store together.
        capture_rows: rows a second that one connector's task takes from the log.
        snapshot_rows: rows a second that one connector's task reads in a snapshot.
        restore_rows: changelog records a second that a worker restores.
        state_bytes: a worker's state, by row.
        topic_bytes: all topics, compacted, one replica, by row.
        read_store_bytes: tables and indexes, by row.
        api_requests: questions a second that one API process answers.
        runs: builds that the model is held to.
    """

    worker_us: float = 450
    servers_us: float = 330
    capture_rows: float = 20_000
    snapshot_rows: float = 55_000
    restore_rows: float = 276_000
    state_bytes: float = 780
    topic_bytes: float = 2000
    read_store_bytes: float = 590
    api_requests: float = 1000
    runs: tuple[Run, ...] = ()


class People(msgspec.Struct, frozen=True):
    """What people do.

    Attributes:
        users: how many there are.
        workouts: of one user in a week.
        rows: of one workout: itself, and its exercises.
        writes: how often a row is written, corrections included.
        years: how much history there is.
        peak: the busiest hour, as a multiple of the average one.
        questions: that one user's app asks in a day.
    """

    users: int
    workouts: float = 3
    rows: float = 6
    writes: float = 1.5
    years: float = 3
    peak: float = 6
    questions: float = 20


class Box(msgspec.Struct, frozen=True):
    """A machine, and what one costs: a processor an hour, a gigabyte of disk a month."""

    cores: int = 8
    disk_gb: float = 1000
    core_hour: float = 0.04
    gb_month: float = 0.10


class Limit(NamedTuple):
    """Something that there is one of, and how much of it is needed: above 1 it breaks."""

    name: str
    use: float


class Plan(msgspec.Struct, frozen=True):
    """What is needed. Rates are a second, sizes bytes, times seconds, costs a month.

    `replicas` is in the sizes of the topics and in the costs. `breaks` names the limits of one
    box that are exceeded, the worst first.
    """

    rows: float
    events: float
    peak_events: float
    peak_questions: float
    workers: int
    partitions: int
    connectors: int
    apis: int
    read_stores: int
    state: float
    topics: float
    read_store: float
    snapshot: float
    rebuild: float
    restore: float
    cores: int
    cost: float
    breaks: tuple[Limit, ...]


def rate(figures: Figures, workers: int, cores: float) -> float:
    """Return the rows a second that workers do together on one machine with its servers.

    Each worker is one thread; all that runs shares the cores.
    """
    threads = workers / figures.worker_us
    machine = cores / (figures.worker_us + figures.servers_us)
    return 1e6 * min(threads, machine)


def deviation(figures: Figures, run: Run) -> float:
    """Return by how much the model's time of a build differs, as a share of the measured one."""
    return run.rows / rate(figures, run.workers, run.cores) / run.seconds - 1


def plan(people: People, figures: Figures, box: Box, replicas: int = 3, day: float = DAY) -> Plan:
    """Say what is needed so that peaks leave room, and a rebuild is done within `day`."""
    weekly = people.users * people.workouts * people.rows
    rows = weekly * 52 * people.years
    events = weekly * people.writes / WEEK
    peak = events * people.peak
    questions = people.users * people.questions / DAY * people.peak
    state, read_store = rows * figures.state_bytes, rows * figures.read_store_bytes
    topics = rows * figures.topic_bytes * replicas
    for_peak = peak * figures.worker_us / 1e6 / HEADROOM
    for_rebuild = rows * figures.worker_us / 1e6 / day
    for_state = state / (box.disk_gb * GB * HEADROOM)
    workers = max(1, ceil(for_peak), ceil(for_rebuild), ceil(for_state))
    connectors = max(
        1,
        ceil(peak / figures.capture_rows / HEADROOM),
        ceil(rows / figures.snapshot_rows / day),
    )
    apis = max(1, ceil(questions / figures.api_requests / HEADROOM))
    read_stores = max(1, ceil(read_store / (box.disk_gb * GB * HEADROOM)))
    snapshot = rows / figures.snapshot_rows / connectors
    servers = ceil(workers * figures.servers_us / figures.worker_us)
    cores = workers + servers + apis + connectors
    disk = state + topics + read_store * 2  # while a generation is built beside another
    return Plan(
        rows=rows,
        events=events,
        peak_events=peak,
        peak_questions=questions,
        workers=workers,
        partitions=max(4, 2 ** ceil(workers - 1).bit_length()),
        connectors=connectors,
        apis=apis,
        read_stores=read_stores,
        state=state,
        topics=topics,
        read_store=read_store,
        snapshot=snapshot,
        rebuild=max(snapshot, rows * figures.worker_us / 1e6 / workers),
        restore=rows / figures.restore_rows / workers,
        cores=cores,
        cost=cores * box.core_hour * 730 + disk / GB * box.gb_month,
        breaks=_breaks(figures, box, rows, peak, questions, day),
    )


def _breaks(
    figures: Figures,
    box: Box,
    rows: float,
    peak: float,
    questions: float,
    day: float,
) -> tuple[Limit, ...]:
    """Name what one box with one of each exceeds, the worst first."""
    disk = rows * (figures.state_bytes + figures.topic_bytes + 2 * figures.read_store_bytes)
    alone = rate(figures, box.cores, box.cores)
    limits = (
        Limit("changes on one box", peak / alone / HEADROOM),
        Limit("changes through one connector", peak / figures.capture_rows / HEADROOM),
        Limit("a snapshot through one connector", rows / figures.snapshot_rows / day),
        Limit("a rebuild on one box", rows / alone / day),
        Limit("the disk of one box", disk / (box.disk_gb * GB)),
        Limit("answers of one API process", questions / figures.api_requests / HEADROOM),
        Limit("partitions", rows * figures.worker_us / 1e6 / day / MOST_PARTITIONS),
    )
    return tuple(sorted((each for each in limits if each.use > 1), key=lambda each: -each.use))


def read_figures(path: Path) -> Figures:
    """Read what a benchmark has written; what it did not measure is as in the defaults.

    Raises TonnageError.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Figures)
    except FileNotFoundError as error:
        raise TonnageError(f"there are no figures in {path}: name another file.") from error
    except msgspec.DecodeError as error:
        raise TonnageError(f"{path} holds no figures of a benchmark: {error}.") from error
