"""After any history, the read store equals a recomputation from the source's rows.

`TONNAGE_HYPOTHESIS=long pytest tests/topology --timeout=0 --hypothesis-seed=N` goes on for
hours. A history that fails prints as it can be played: keep it, shrunk, in `test_faults`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.topology.histories import (
    History,
    World,
    app_operations,
    compactions,
    faults,
    runs,
    seeded,
    whole_rows,
)

ZONES = st.sampled_from(["UTC", "America/New_York"])


@given(history=seeded(st.one_of(app_operations, runs, faults)), zone=ZONES)
def test_any_history_ends_as_a_recomputation(history: History, zone: str) -> None:
    World(zone).play(history)


@given(history=seeded(st.one_of(whole_rows, runs, compactions)), zone=ZONES)
def test_events_that_compaction_dropped_are_not_missed(history: History, zone: str) -> None:
    World(zone).play(history)
