"""How soon a change is visible through HTTP, beside how soon Debezium's event is in Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from statistics import median
from threading import Event, Thread
from time import monotonic, sleep

import psycopg

from infra.bench.figure import Figure, Sides, Target, compare, percentile
from infra.bench.ground import Stage
from infra.bench.probes import Seen, change, set_up, tear_down, watched
from infra.bench.suite import Bench, Run

RATE = 100
"""Row changes a second, the probe's among them."""
PROBED_EACH = 5
"""One in so many changes is the probe's."""
SECONDS = 12
BURST = 20_000
_OTHERS = (
    "UPDATE workouts_performedexercise SET reps_per_set = jsonb_build_array((random() * 20)::int)"
    " WHERE id = (SELECT id FROM workouts_performedexercise"
    "             WHERE id >= (SELECT max(id) * random() FROM workouts_performedexercise)"
    "             ORDER BY id LIMIT 1)"
)
_EVENT = "commit on the primary to a plain consumer that has Debezium's event"


def measure(run: Run) -> Iterator[Figure]:
    """Write at a steady rate, and look from both ends; the age of the frontier beside it."""
    found = run.shared()
    rounds = [steady(found) for _ in run.turns("freshness")]
    halves, tails = _milliseconds(rounds, 50), _milliseconds(rounds, 99)
    yield compare("freshness-p50", Target(3.0, "lower", _EVENT), halves, "ms", bench=BENCH.name)
    yield compare("freshness-p99", Target(6.0, "lower", _EVENT), tails, "ms", bench=BENCH.name)
    target = Target(2.0, "lower", "the heartbeat's interval")
    interval = found.settings.heartbeat_interval_ms / 1000
    ages = [median(each.ages) for each in rounds]
    yield compare("frontier-age", target, (ages, [interval] * len(ages)), "s", bench=BENCH.name)


def measure_burst(run: Run) -> Iterator[Figure]:
    """Change many rows in one transaction, the probe's last."""
    found = run.shared()
    recovered, captured = [], []
    for _ in run.turns("a burst"):
        event, visible = _burst(found)
        recovered.append(visible)
        captured.append(event)
    target = Target(3.0, "lower", f"commit of {BURST:,} rows to the last of their events in Kafka")
    yield compare("burst", target, (recovered, captured), "s", bench=BURST_BENCH.name)


@dataclass(frozen=True)
class Steady:
    """Seconds from each probed commit to its event and to its answer, and ages of the frontier."""

    events: list[float]
    answers: list[float]
    ages: list[float]

    @property
    def median_ms(self) -> float:
        """The median of the answers' delays, in milliseconds."""
        return median(self.answers) * 1000


def _milliseconds(rounds: list[Steady], percent: float) -> Sides:
    """Return this percentile of each round's answers, and of its events."""
    return (
        [percentile(each.answers, percent) * 1000 for each in rounds],
        [percentile(each.events, percent) * 1000 for each in rounds],
    )


def steady(found: Stage) -> Steady:
    """Change rows at a steady rate, and watch the probe's changes from both ends."""
    ages: list[float] = []
    probe = set_up(found)
    last = RATE * SECONDS // PROBED_EACH
    committed: Seen = {}
    with (
        watched(probe, last) as seen,
        AgesOf(found, ages),
        psycopg.connect(probe.dsn, autocommit=True) as connection,
    ):
        began = monotonic()
        for number in count(1):
            sleep(max(began + number / RATE - monotonic(), 0))
            if number % PROBED_EACH:
                connection.execute(_OTHERS)
            else:
                committed[number // PROBED_EACH] = change(connection, probe, number // PROBED_EACH)
            if number // PROBED_EACH == last:
                break
        events, answers = seen()
    tear_down(found, probe)
    return Steady(_delays(committed, events), _delays(committed, answers), ages)


def _burst(found: Stage) -> tuple[float, float]:
    probe = set_up(found)
    with watched(probe, 1) as seen, psycopg.connect(probe.dsn) as connection:
        connection.execute(
            "UPDATE workouts_performedexercise SET sets = sets + 1, weights_per_set = '[50]'"
            " WHERE id IN (SELECT id FROM workouts_performedexercise"
            "              WHERE id <> %s ORDER BY random() LIMIT %s)",
            [probe.row, BURST - 1],
        )
        change(connection, probe, 1)
        connection.commit()
        committed = monotonic()
        events, answers = seen()
    tear_down(found, probe)
    return events[1] - committed, answers[1] - committed


def _delays(committed: Seen, seen: Seen) -> list[float]:
    """Return the delay of each change that was seen; one that was overtaken, with its overtaker."""
    return [seen[number] - moment for number, moment in committed.items() if number in seen]


class AgesOf:
    """Samples the age of the frontier beside what goes on, in seconds."""

    def __init__(self, found: Stage, ages: list[float]) -> None:
        self._found = found
        self._samples = ages
        self._over = Event()
        self._thread = Thread(target=self._sample)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        query = "SELECT extract(epoch FROM now() - source_time) FROM tonnage.freshness"
        with self._found.read_store() as connection:
            while not self._over.wait(0.05):
                row = connection.execute(query).fetchone()
                if row is not None:
                    self._samples.append(float(row[0]))


BENCH = Bench("freshness", "commit on the primary to visible through HTTP, 100 rows/s", measure)
BURST_BENCH = Bench(
    "burst", f"{BURST:,} rows in one transaction, until all are visible", measure_burst
)
