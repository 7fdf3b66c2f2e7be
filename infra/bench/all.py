"""Every benchmark, in the order in which they run: those that need an idle stack first."""

from __future__ import annotations

from infra.bench import building, changing, freshness, reading, replaying, saving, sizing, starting

BENCHES = (
    changing.BENCH,
    building.BENCH,
    freshness.BENCH,
    freshness.BURST_BENCH,
    reading.READ,
    reading.COMPUTE,
    reading.REQUESTS,
    saving.BENCH,
    replaying.REPLAY,
    replaying.HEALING,
    starting.START,
    starting.MEMORY,
    replaying.WORKERS,
    sizing.BENCH,
)
