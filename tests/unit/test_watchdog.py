import pytest

from stream.engine.watchdog import STALL_SECONDS, StalledError, Watchdog

TP = ("rows", 0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def nothing() -> dict[tuple[str, int], int | None]:
    return {}


def watched() -> tuple[Watchdog, Clock]:
    clock = Clock()
    return Watchdog(dict, nothing, clock), clock


def test_a_group_that_stands_still_behind_what_is_finished_is_stalled() -> None:
    watchdog, clock = watched()
    watchdog.look({TP: 10}, {TP: 5})
    clock.now = STALL_SECONDS + 1
    with pytest.raises(StalledError, match="rows-0"):
        watchdog.look({TP: 20}, {TP: 5})


def test_a_group_that_commits_is_not_stalled_however_far_behind() -> None:
    watchdog, clock = watched()
    for committed in range(5):
        watchdog.look({TP: 1000}, {TP: committed})
        clock.now += STALL_SECONDS


def test_a_group_that_has_committed_everything_may_stand_still() -> None:
    watchdog, clock = watched()
    watchdog.look({TP: 10}, {TP: 10})
    clock.now = 10 * STALL_SECONDS
    watchdog.look({TP: 10}, {TP: 10})


def test_a_partition_without_a_commit_is_watched_too() -> None:
    watchdog, clock = watched()
    watchdog.look({TP: 1}, {TP: None})
    clock.now = STALL_SECONDS + 1
    with pytest.raises(StalledError):
        watchdog.look({TP: 1}, {TP: None})
