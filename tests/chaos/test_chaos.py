"""Faults and writes by chance on the real stack; after each quiet point nothing may differ.

CHAOS_SEEDS (comma-separated) and CHAOS_FAULTS say which and how many; `make chaos` runs long.
A seed repeats the writes and the faults; what is in flight when a fault strikes is the
machine's. It prints the seed and what was done.
"""

from __future__ import annotations

import os

import pytest

from stream.settings import Settings
from tests.chaos.storm import Storm

SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1").split(",")]
FAULTS = int(os.environ.get("CHAOS_FAULTS", "5"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))


@pytest.mark.stack
@pytest.mark.timeout(3600)
# kafka-python leaves a socket to the collector where it finds no broker
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_differs_after_faults(
    stack: Settings, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    storm = Storm(stack, seed)
    try:
        for _ in range(ROUNDS):
            storm.blow(FAULTS)
            assert storm.differences == []
    finally:
        storm.close()
        with capsys.disabled():
            print(f"\n{storm}")
    assert sum(storm.compared.values()) > 0
