"""Writes and faults by chance, and what they led to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection

from infra import caught_up
from infra.verify import verify
from stream.settings import Settings
from tests.chaos.faults import Faults
from tests.chaos.slow import SlowTransactions
from tests.chaos.writes import Writer

WRITES = 25
QUIET_SECONDS = 300


class Storm:
    """Writes and faults on a stack, both as a seed says; `kinds` names the only faults wanted."""

    def __init__(self, settings: Settings, seed: int, kinds: Collection[str] = ()) -> None:
        chance = random.Random(seed)
        self.seed = seed
        self.settings = settings
        self.writer = Writer(settings.need("source_dsn"), chance)
        self.writer.add_user()
        self.faults = Faults(settings, chance, self._write)
        if kinds:
            self.faults.kinds = [each for each in self.faults.kinds if each.__name__ in kinds]
        self.compared: Counter[str] = Counter()
        self.differences: list[str] = []

    def blow(self, faults: int, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Make so many faults while rows are written, then wait until it is quiet, and compare."""
        with SlowTransactions(self.settings.need("source_dsn")):
            self.faults.run(faults)
        caught_up.wait(self.settings, timeout=quiet_seconds)
        self.differences.extend(map(str, verify(self.settings, None, self.compared)))

    def close(self) -> None:
        """End what was started."""
        self.faults.close()
        self.writer.close()

    def __str__(self) -> str:
        in_flight, made = self.faults.in_flight.total(), self.faults.counts
        return (
            f"seed {self.seed}: writes {dict(self.writer.counts)}, faults {dict(made)}\n"
            f"struck with rows in flight: {in_flight} of {made.total()}\n"
            f"rows compared: {dict(self.compared)}, differences: {len(self.differences)}"
        )

    def _write(self) -> None:
        for _ in range(WRITES):
            self.writer.write()
