"""The benchmarks by name, and how some or all of them are run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Self

from infra.bench.figure import Figure
from infra.bench.ground import ALL, Stage, stage
from infra.bench.population import ATHLETE, Population, settle
from infra.bench.waiting import served
from infra.capacity import Figures
from infra.caught_up import current_lsn


@dataclass
class Run:
    """One run: how much it works on, how often it repeats, and the stack that benchmarks share.

    Attributes:
        population: what builds are measured with; the shared stack serves it, too.
        rounds: how often each measure is taken, ours and the peer's in turn.
        say: told what is being measured.
        figures: what the model of capacity is fed with, once it was measured.
    """

    population: Population
    rounds: int
    say: Callable[[str], None]
    figures: Figures | None = None
    _resources: ExitStack = field(default_factory=ExitStack)
    _shared: Stage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def shared(self) -> Stage:
        """Return the stack that serves the population, started when it is first asked for."""
        if self._shared is None:
            self.say("a stack that serves everything")
            found = self._resources.enter_context(stage(self.population))
            found.rows += settle(found.settings.need("source_dsn"), ATHLETE)
            lsn = current_lsn(found.settings)
            found.up(ALL)
            served(found, lsn)
            self._shared = found
        return self._shared

    def turns(self, what: str) -> Iterator[int]:
        """Go through the rounds, and say so."""
        for number in range(1, self.rounds + 1):
            self.say(f"{what}, round {number} of {self.rounds}")
            yield number


@dataclass(frozen=True)
class Bench:
    """A benchmark: what it asks, and how it finds the figures that answer it."""

    name: str
    about: str
    measure: Callable[[Run], Iterator[Figure]]


def run(benches: list[Bench], work: Run) -> Iterator[Figure]:
    """Run benchmarks one after another; each figure says with what it is repeated."""
    options = f"--rounds {work.rounds} --users {work.population.users}"
    for bench in benches:
        for figure in bench.measure(work):
            yield replace(figure, command=f"{figure.command} {options}")
