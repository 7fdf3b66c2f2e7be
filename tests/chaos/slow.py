"""Transactions of which some are always open: what they changed is older than their commits.

A replication slot waits for those that are open, not for those that begin while it waits: these
are in no snapshot, and are streamed after it with LSNs from before it.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread
from typing import Self

import psycopg

OPEN_SECONDS = 1.0
AT_ONCE = 4
"""While a slot waits for some, others begin."""
# one row: it waits for nobody while others wait for it; any, so that it is not made good next time
CHANGE = (
    "UPDATE workouts_performedexercise SET reps_per_set = jsonb_build_array(%s::int)"
    " WHERE id = (SELECT id FROM workouts_performedexercise ORDER BY random() LIMIT 1)"
)


class SlowTransactions:
    """Changes some row, waits, and commits, again and again beside what goes on."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._over = Event()
        self._threads = [
            Thread(target=self._run, args=(OPEN_SECONDS * number / AT_ONCE,))
            for number in range(AT_ONCE)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, after: float) -> None:
        self._over.wait(after)
        number = 0
        while not self._over.wait(0.01):
            number += 1
            # the primary is stopped, or the table has another name for a while
            with suppress(psycopg.Error), psycopg.connect(self._dsn) as connection:
                connection.execute(CHANGE, [number % 15])
                self._over.wait(OPEN_SECONDS)
