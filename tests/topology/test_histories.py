"""After any history, the read store equals a recomputation from the source's rows.

`TONNAGE_HYPOTHESIS=long pytest tests/topology --timeout=0 --hypothesis-seed=N` goes on for
hours. A history that fails prints as it can be played: keep it, shrunk, in `faults`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.topology.faults import BEGIN, HISTORIES
from tests.topology.histories import (
    History,
    World,
    app_operations,
    compactions,
    faults,
    retries,
    runs,
    seeded,
    thorough,
    whole_rows,
)

ZONES = st.sampled_from(["UTC", "America/New_York"])


@thorough
@given(history=seeded(st.one_of(app_operations, runs, faults, retries)), zone=ZONES)
def test_any_history_ends_as_a_recomputation(history: History, zone: str) -> None:
    World(zone).play(history)


@thorough
@given(
    before=st.lists(st.one_of(app_operations, runs), max_size=8),
    fault=st.sampled_from(sorted(HISTORIES)),
    after=st.lists(st.one_of(app_operations, runs, faults, retries), max_size=12),
    zone=ZONES,
)
def test_any_history_around_a_fault_ends_as_a_recomputation(
    before: History, fault: str, after: History, zone: str
) -> None:
    World(zone).play([*before, *BEGIN, *HISTORIES[fault], *after])


@thorough
@given(history=seeded(st.one_of(whole_rows, runs, compactions, retries)), zone=ZONES)
def test_events_that_compaction_dropped_are_not_missed(history: History, zone: str) -> None:
    World(zone).play(history)
