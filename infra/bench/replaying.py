"""Building again from the source topics: how many rows a second, and beside whom."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from time import monotonic

import psycopg

from infra import workers
from infra.bench.engines import OURS, UNHEALED, engine
from infra.bench.figure import Figure, Target, compare
from infra.bench.freshness import steady
from infra.bench.ground import ALL, Stage, until
from infra.bench.peers import orm
from infra.bench.suite import Bench, Run
from infra.bench.waiting import reached
from infra.caught_up import current_lsn
from infra.errors import TonnageError
from infra.services.part import LOOPBACK, NotReady, answers
from stream.generations import Generation, serving
from stream.janitor import WorkersRunError
from stream.reset import publish_again, throw_away
from stream.settings import PREFIX
from stream.topics import prepare_topics

RECALCULATED_USERS = 3
"""So many users are recalculated by the app's command: it takes long, and each as long."""


def measure(run: Run) -> Iterator[Figure]:
    """Replay by one worker, by a bare loop, by Quix Streams, and recalculate in Django, in turn."""
    found = run.shared()
    rows = found.rows.captured
    orm.know("primary", found.settings.need("source_dsn"))
    with found.primary() as primary:
        primary.execute(orm.KEPT)
    ours, bare, quix, command = [], [], [], []
    for number in run.turns("a replay"):
        bare.append(rows / _peer_seconds(found, "bare"))
        quix.append(rows / _peer_seconds(found, "quix"))
        ours.append(rows / replay_seconds(found))
        command.append(_recalculated_rows(found, number))
    target = Target(0.7, "higher", "the same steps and sink on a bare aiokafka loop with RocksDB")
    yield compare("replay", target, (ours, bare), "rows/s", bench=REPLAY.name)
    target = Target(1.0, "higher", "the same steps and sink on Quix Streams")
    yield compare("replay-quix", target, (ours, quix), "rows/s", bench=REPLAY.name)
    target = Target(5.0, "higher", "a Django command that recalculates week by week")
    yield compare("rebuild", target, (ours, command), "rows/s", bench=REPLAY.name)


def measure_workers(run: Run) -> Iterator[Figure]:
    """Replay by two workers beside one, on the same machine as everything else."""
    found = run.shared()
    found.up(ALL, 2)
    rows = found.rows.captured
    two, one = [], []
    for _ in run.turns("two workers"):
        two.append(rows / replay_seconds(found, ("worker_0", "worker_1")))
        one.append(rows / replay_seconds(found))
    target = Target(1.5, "higher", "one worker")
    yield compare("two-workers", target, (two, one), "rows/s", bench=WORKERS.name)


def measure_healing(run: Run) -> Iterator[Figure]:
    """Replay, and follow live changes, with and without what makes zombies harmless."""
    found = run.shared()
    replays: dict[str, list[float]] = {OURS: [], UNHEALED: []}
    halves: dict[str, list[float]] = {OURS: [], UNHEALED: []}
    for _ in run.turns("the price of healing"):
        for module in (UNHEALED, OURS):
            generation = begin_anew(found)
            lsn = current_lsn(found.settings)
            with engine(found, generation, module):
                began = monotonic()
                replays[module].append(reached(found, lsn) - began)
                publish_again(found.settings, generation)
                halves[module].append(steady(found).median_ms)
    begin_anew(found)
    _start(found, ("worker_0",))
    target = Target(1.15, "lower", "an engine that never looks for another writer")
    sides = replays[OURS], replays[UNHEALED]
    yield compare("healing-replay", target, sides, "s", bench=HEALING.name)
    sides = halves[OURS], halves[UNHEALED]
    yield compare("healing-freshness", target, sides, "ms", bench=HEALING.name)


def replay_seconds(found: Stage, names: Sequence[str] = ("worker_0",)) -> float:
    """Return how long workers take from their start of reading until everything is served."""
    generation = begin_anew(found)
    lsn = current_lsn(found.settings)
    began = _start(found, names)
    seconds = reached(found, lsn) - began
    publish_again(found.settings, generation)
    return seconds


def begin_anew(found: Stage) -> Generation:
    """Stop the workers, and throw what they have built away."""
    generation = stop_workers(found)

    def thrown_away() -> bool:
        try:
            throw_away(found.settings, generation)
        except WorkersRunError:
            return False  # one that was stopped as it began is a member until its session is over
        return True

    until(thrown_away)
    return generation


def stop_workers(found: Stage) -> Generation:
    """Stop the workers, and return the generation that they served."""
    workers.stop_all(found.home)
    with psycopg.connect(found.settings.need("read_store_dsn")) as connection:
        generation = serving(connection)
    assert generation is not None  # noqa: S101 - the shared stack serves
    return generation


def _start(found: Stage, names: Sequence[str]) -> float:
    """Start workers; return when the input of all of them flows."""
    for name in names:
        found.supervisor.start(name)
    return until(lambda: all(_ready(found, name) for name in names))


def _ready(found: Stage, worker: str) -> bool:
    port = found.home.read("ports.json")[worker]
    try:
        answers(f"http://{LOOPBACK}:{port}/health")
    except NotReady:
        return False
    return True


def _peer_seconds(found: Stage, peer: str) -> float:
    """Return how long a peer takes for the same rows, by its own clock."""
    generation = begin_anew(found)
    prepare_topics(found.settings, generation)
    command = (sys.executable, "-m", f"infra.bench.peers.{peer}", str(generation.number))
    environment = {**os.environ, f"{PREFIX}HOME": str(found.home.root)}
    with tempfile.TemporaryDirectory() as state:
        done = subprocess.run(
            [*command, state], env=environment, check=False, capture_output=True, text=True
        )
    if done.returncode:
        raise TonnageError(f"the peer {peer} failed:\n{done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def _recalculated_rows(found: Stage, number: int) -> float:
    """Return how many rows a second the app's own command goes through."""
    users = found.population.ids
    began = monotonic()
    rows = sum(
        orm.recalculate("primary", users[(number + each) % len(users)])
        for each in range(RECALCULATED_USERS)
    )
    return rows / (monotonic() - began)


REPLAY = Bench("replay", "replay of what is in the topics, rows/s of one worker", measure)
WORKERS = Bench("two-workers", "replay by two workers against one", measure_workers)
HEALING = Bench("healing", "the price of making zombies harmless", measure_healing)
