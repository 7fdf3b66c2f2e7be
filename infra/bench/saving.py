"""What a save costs the app: with nothing attached, with a capture, with signals, a trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter

import psycopg
from django.db import connections
from django.test.utils import CaptureQueriesContext

from infra.bench.figure import Figure, Target, compare, percentile
from infra.bench.ground import ALL, Stage, plain_primary, stage
from infra.bench.peers import orm
from infra.bench.population import Population
from infra.bench.suite import Bench, Run
from infra.bench.waiting import served
from infra.caught_up import current_lsn
from infra.errors import TonnageError
from infra.workers import paused

SAVES = 400
"""Workouts that are saved in a round, where a save is as quick as with nothing attached."""
SLOW_SAVES = 60
"""The same where each save recalculates its week."""
SMALL = Population(users=20, weeks=26)
_NOTHING = "the same save in a primary with nothing attached"


def measure(run: Run) -> Iterator[Figure]:
    """Save the same workouts each way, in the same rounds.

    With an idle capture, saves are in turn with those in a primary that has nothing attached. What
    makes others work is by itself: that work would slow the next save, whoever's it is.
    """
    run.say("a primary with nothing attached, one that has a capture, and one that keeps a table")
    with plain_primary(SMALL) as plain, plain_primary(SMALL) as kept, stage(SMALL) as found:
        lsn = current_lsn(found.settings)
        found.up(ALL)
        served(found, lsn)
        orm.know("plain", plain)
        orm.know("kept", kept)
        orm.know("attached", found.settings.need("source_dsn"))
        with psycopg.connect(kept, autocommit=True) as connection:
            connection.execute(orm.KEPT)
        _check_statements()
        ways: dict[str, Callable[[], float]] = {
            "save-while-captured": lambda: _save("attached", SAVES, _captured(found)),
            "save-while-all-runs": lambda: _save("attached", SAVES),
            "save-with-signals": lambda: _save("kept", SLOW_SAVES, orm.kept_by_signals()),
            "save-with-trigger": lambda: _save("kept", SLOW_SAVES, _trigger(kept)),
        }
        took: dict[str, list[float]] = {name: [] for name in ("nothing", "save", *ways)}
        for _ in run.turns("saving"):
            with _idle(found):
                idle, nothing = _save_in_turn("attached", "plain")
            took["save"].append(idle)
            took["nothing"].append(nothing)
            for name, way in ways.items():
                took[name].append(way())
    for name, must in (("save", 1.05), *((each, None) for each in ways)):
        target = Target(must, "lower", _NOTHING)
        yield compare(name, target, (took[name], took["nothing"]), "ms", bench=BENCH.name)


def _save(
    database: str, times: int, while_in: AbstractContextManager[object] | None = None
) -> float:
    """Return the median milliseconds of saving a workout with five exercises."""
    with while_in or nullcontext():
        return percentile([_timed(database, number) for number in range(times)], 50) * 1000


def _save_in_turn(*databases: str) -> list[float]:
    """Save a workout in each database, again and again; return the medians, in milliseconds.

    Who comes first changes: what one save leaves to be done would slow the same one always.
    """
    seconds: dict[str, list[float]] = {each: [] for each in databases}
    for number in range(SAVES):
        for each in databases if number % 2 else databases[::-1]:
            seconds[each].append(_timed(each, number))
    return [percentile(each, 50) * 1000 for each in seconds.values()]


def _timed(database: str, number: int) -> float:
    began = perf_counter()
    orm.save_workout(database, SMALL.ids[number % len(SMALL.ids)], range(1, 6))
    return perf_counter() - began


def _check_statements() -> None:
    """Raise TonnageError unless a save takes the same statements with a capture and without."""
    seen = {}
    for database in ("plain", "attached"):
        with CaptureQueriesContext(connections[database]) as queries:
            orm.save_workout(database, SMALL.ids[0], range(1, 6))
        seen[database] = len(queries)
    if len(set(seen.values())) > 1:
        raise TonnageError(f"a save takes other statements with a capture: {seen}")


@contextmanager
def _idle(found: Stage) -> Iterator[None]:
    """Let nothing read the slot, with slot and publication in place; then catch up.

    A connector that is only paused goes on reading.
    """
    with _captured(found):
        found.supervisor.stop("connect")
        yield
        found.up(ALL)


@contextmanager
def _captured(found: Stage) -> Iterator[None]:
    """Let Debezium capture, and no worker take it up; then catch up."""
    with paused(found.home):
        yield
    served(found, current_lsn(found.settings))


@contextmanager
def _trigger(dsn: str) -> Iterator[None]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(orm.TRIGGER)
        yield
        connection.execute(orm.NO_TRIGGER)


BENCH = Bench("save", "saving a workout with 5 exercises in the primary", measure)
