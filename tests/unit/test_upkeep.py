"""When a connector is started again: it has failed, or it runs and stands still."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.connect import Connect
from connectors.state import MISSING, PAUSED, RUNNING, STOPPED, ConnectorState, Task
from connectors.watch import upkeep
from connectors.watch.upkeep import LOOK_SECONDS, STILL_SECONDS, Upkeep
from stream.settings import load_settings

FAILED = "FAILED"


class Cluster:
    """What Connect says, what it was told, and the time."""

    def __init__(self, home: Path) -> None:
        self.now = 1000.0
        self.state = RUNNING
        self.restarts: list[bool] = []
        self.aborts = 0
        self.upkeep = Upkeep(load_settings(home=home, connect_url="http://x"), lambda: self.now)

    def read(self, *_: object) -> ConnectorState:
        tasks = () if self.state == MISSING else (Task(0, self.state),)
        return ConnectorState(self.state, tasks, "why" if self.state == FAILED else None)

    def restart(self, *, only_failed: bool = False) -> None:
        self.restarts.append(only_failed)

    def abort(self, *_: object) -> list[str]:
        self.aborts += 1
        return ["tonnage.connect-offsets-0"]

    def go_on(self, seconds: float, stored: list[int | None]) -> None:
        """Look every two seconds; what is stored comes again and again."""
        for number in range(int(seconds / LOOK_SECONDS)):
            self.now += LOOK_SECONDS
            self.upkeep.tend(stored[number % len(stored)] if stored else number)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path)
    monkeypatch.setattr(upkeep, "read_connector", made.read)
    monkeypatch.setattr(Connect, "restart", made.restart)
    monkeypatch.setattr(upkeep, "abort_forgotten", made.abort)
    return made


def test_one_that_moves_is_left_alone(cluster: Cluster) -> None:
    cluster.go_on(10 * STILL_SECONDS, [])
    assert cluster.restarts == []


def test_one_that_stops_to_move_is_started_again_with_all_it_has(cluster: Cluster) -> None:
    cluster.go_on(10, [])
    cluster.go_on(STILL_SECONDS - 2, [7])
    assert cluster.restarts == []
    cluster.go_on(6, [7])
    assert cluster.restarts == [False]
    cluster.go_on(STILL_SECONDS - 2, [7])
    assert cluster.restarts == [False]
    cluster.go_on(STILL_SECONDS, [7])
    assert cluster.restarts == [False, False]


def test_a_snapshot_may_last(cluster: Cluster) -> None:
    cluster.go_on(10 * STILL_SECONDS, [None])
    cluster.go_on(10 * STILL_SECONDS, [7])
    assert cluster.restarts == []


def test_time_does_not_count_while_kafka_is_silent(cluster: Cluster) -> None:
    cluster.go_on(10, [])
    cluster.go_on(10 * STILL_SECONDS, [None])
    cluster.go_on(STILL_SECONDS - 4, [4])
    assert cluster.restarts == []


def test_time_does_not_count_while_nobody_looks(cluster: Cluster) -> None:
    cluster.go_on(10, [])
    cluster.now += 10 * STILL_SECONDS
    cluster.go_on(STILL_SECONDS - 4, [4])
    assert cluster.restarts == []


@pytest.mark.parametrize("state", [PAUSED, STOPPED, MISSING])
def test_one_that_is_to_rest_may_stand_still(cluster: Cluster, state: str) -> None:
    cluster.go_on(10, [])
    cluster.state = state
    cluster.go_on(10 * STILL_SECONDS, [4])
    cluster.state = RUNNING
    cluster.go_on(STILL_SECONDS - 4, [4])
    assert cluster.restarts == []


@pytest.mark.parametrize("state", [RUNNING, "UNASSIGNED"])
def test_one_that_hangs_while_connect_starts_it_again_is_noticed(
    cluster: Cluster, state: str
) -> None:
    cluster.go_on(10, [])
    cluster.state = "UNASSIGNED"
    cluster.go_on(10, [4])
    cluster.state = state
    cluster.go_on(STILL_SECONDS + 4, [4])
    assert cluster.restarts == [False]


def test_what_has_failed_is_started_again_ever_more_rarely(cluster: Cluster) -> None:
    cluster.state = FAILED
    cluster.go_on(300, [4])
    assert set(cluster.restarts) == {True}
    assert 5 <= len(cluster.restarts) <= 10


def test_what_was_forgotten_is_looked_for_from_a_start_until_something_is_stored(
    cluster: Cluster,
) -> None:
    cluster.go_on(10, [])
    assert cluster.aborts == 0
    cluster.go_on(STILL_SECONDS + 4, [7])
    assert (len(cluster.restarts), cluster.aborts) == (1, 0)
    cluster.go_on(10, [7])
    looked = cluster.aborts
    assert looked > 0
    cluster.go_on(10, [8])
    assert cluster.aborts == looked
