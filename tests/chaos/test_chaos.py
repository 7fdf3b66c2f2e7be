"""Faults and writes by chance on the real stack; after each quiet point nothing may differ.

CHAOS_SEEDS (comma-separated) and CHAOS_FAULTS say which and how many; `make chaos` runs long.
A seed repeats the writes and the faults; what is in flight when a fault strikes is the
machine's. It prints the seed and what was done.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from infra import caught_up
from infra.verify import verify
from stream.settings import Settings
from tests.chaos.faults import Faults
from tests.chaos.writes import Writer

SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1").split(",")]
FAULTS = int(os.environ.get("CHAOS_FAULTS", "5"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
WRITES = 25


@pytest.mark.stack
@pytest.mark.timeout(3600)
# kafka-python leaves a socket to the collector where it finds no broker
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_differs_after_faults(
    stack: Settings, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(seed)
    writer = Writer(stack.need("source_dsn"), chance)
    writer.add_user()

    def busy() -> None:
        for _ in range(WRITES):
            writer.write()

    faults = Faults(stack, chance, busy)
    compared: Counter[str] = Counter()
    differences: list[str] = []
    try:
        for _ in range(ROUNDS):
            faults.run(FAULTS)
            caught_up.wait(stack, timeout=300)
            differences.extend(map(str, verify(stack, None, compared)))
            assert differences == []
    finally:
        faults.close()
        writer.close()
        with capsys.disabled():
            print(f"\nseed {seed}: writes {dict(writer.counts)}, faults {dict(faults.counts)}")
            print(
                f"struck with rows in flight: {faults.in_flight.total()} of {faults.counts.total()}"
            )
            print(f"rows compared: {dict(compared)}, differences: {len(differences)}")
    assert sum(compared.values()) > 0
