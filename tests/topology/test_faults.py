"""Each named fault by itself."""

from __future__ import annotations

import pytest

from tests.topology.faults import AGGREGATE, BEGIN, HISTORIES, USERS_PARTITION
from tests.topology.histories import World

POSITION = b"\x00"
"""How the key of a store's position begins."""


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_history(name: str, zone: str) -> None:
    World(zone).play([*BEGIN, *HISTORIES[name]])


def test_nothing_derived_outlives_what_it_was_derived_from() -> None:
    world = World("UTC")
    world.play([*BEGIN, ("cascade", 1), ("settle",)])
    held = world.pipeline.owners[AGGREGATE, USERS_PARTITION].keys
    kinds = {key[:1] for key, _ in held.scan(b"")}
    assert kinds == {b"w", b"x", POSITION}
