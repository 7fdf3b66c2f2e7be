"""Ends a worker whose group does not commit what it has finished.

A group that stands still logs no error and looks alive from inside: so the broker is asked.
Whoever supervises the worker starts it again, and it goes on from the last commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
STALL_SECONDS = 30.0

Positions = Mapping[tuple[str, int], int | None]


class StalledError(Exception):
    """The broker's committed positions stand still behind what was finished."""


class Watchdog:
    """Compares what was finished with what the broker says is committed."""

    def __init__(
        self,
        finished: Callable[[], Positions],
        committed: Callable[[], Awaitable[Positions]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._finished = finished
        self._committed = committed
        self._clock = clock
        self._since: dict[tuple[str, int], tuple[int | None, float]] = {}

    async def run(self) -> None:
        """Look now and then, until cancelled. Raises StalledError."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look(dict(self._finished()), await self._committed())

    def look(self, finished: Positions, committed: Positions) -> None:
        """Judge positions taken in this order. Raises StalledError."""
        now = self._clock()
        behind = {
            tp: committed.get(tp)
            for tp, position in finished.items()
            if position is not None and (committed.get(tp) or 0) < position
        }
        self._since = {
            tp: self._since[tp] if self._since.get(tp, (-1, 0.0))[0] == at else (at, now)
            for tp, at in behind.items()
        }
        stalled = [tp for tp, (_, since) in self._since.items() if now - since > STALL_SECONDS]
        if stalled:
            named = ", ".join(f"{topic}-{partition}" for topic, partition in sorted(stalled))
            raise StalledError(f"the group does not commit what is finished of {named}")
