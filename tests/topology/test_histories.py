"""After any history, the read store equals a recomputation from the source's rows.

`TONNAGE_HYPOTHESIS=long pytest tests/topology --hypothesis-seed=N` goes on for hours.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topology.histories import History, World, app_operations, faults, runs, seeded

ZONES = st.sampled_from(["UTC", "America/New_York"])


@given(history=seeded(st.one_of(app_operations, runs, runs, faults, faults)), zone=ZONES)
def test_any_history_ends_as_a_recomputation(history: History, zone: str) -> None:
    World(zone).play(history)
