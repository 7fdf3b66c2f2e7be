"""Letting another generation serve, once it is as far as the one that serves."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from stream.generations import Connection, Generation, serve

_LOCKED_MS = 200
"""Readers wait no longer than this for a switch that waits for other readers."""

_FRONTIERS = """
SELECT generation, lsn - '0/0', lsn::text FROM tonnage.frontier
WHERE generation IN (SELECT number FROM tonnage.generation WHERE state = 'serving' OR number = %s)
FOR UPDATE
"""


class BehindError(Exception):
    """The generation is not as far as what serves: answers would go back in time."""


def switch(
    connection: Connection,
    generation: Generation,
    *,
    source_end: Callable[[], int] | None = None,
    seconds: float = 60,
) -> None:
    """Let a generation serve: one transaction.

    `source_end` tells where the source's log ends now: what serves and claims to be further on
    has followed another primary, and is no measure. Tries for so many seconds. Raises
    BehindError.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(
            (BehindError, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
        ),
        stop=stop_after_delay(seconds),
        wait=wait_random(0.05, 0.2),
        reraise=True,
    )
    attempts(_try, connection, generation, source_end)


def _try(
    connection: Connection,
    generation: Generation,
    source_end: Callable[[], int] | None,
) -> None:
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = {_LOCKED_MS}".encode())
        found = connection.execute(_FRONTIERS, [generation.number]).fetchall()
        reached = {number: (int(lsn), text) for number, lsn, text in found}
        own = reached.pop(generation.number, (0, "nothing"))
        for number, (lsn, text) in reached.items():
            elsewhere = source_end is not None and lsn > source_end()
            if own[0] < lsn and not elsewhere:
                raise BehindError(
                    f"generation {generation.number} is at {own[1]}, and generation {number},"
                    f" which serves, at {text}"
                )
        serve(connection, generation)
