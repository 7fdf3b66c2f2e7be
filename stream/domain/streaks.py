"""Consecutive ISO weeks with at least one workout."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream.domain.weeks import Week


class Streaks(msgspec.Struct, frozen=True):
    """How many weeks the current and the longest streak have; `since` is the current's first."""

    current: int
    since: Week | None
    longest: int


def streaks(trained: Sequence[Week], running: Week) -> Streaks:
    """Find the streaks in weeks sorted ascending, up to the running week.

    The running week counts once it is trained, and until then ends no streak.
    """
    longest = length = 0
    last: Week | None = None
    for week in trained:
        if week > running:
            break
        length = length + 1 if last is not None and last.next() == week else 1
        longest = max(longest, length)
        last = week
    if last is None or last < running.previous():
        return Streaks(0, None, longest)
    return Streaks(length, last.shift(1 - length), longest)
