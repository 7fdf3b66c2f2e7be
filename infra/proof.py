"""Continuous proof: some users' figures, recomputed from the primary again and again.

What differs once may be on its way. So it is looked at again when the stream has passed what
was there at first; what then differs in the same way has drifted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence

import psycopg

from infra import caught_up
from infra.errors import TonnageError
from infra.verify import sample_users, verify
from stream.generations import serving
from stream.settings import Settings

log = logging.getLogger(__name__)

_PROVED = (
    "INSERT INTO tonnage.proof (generation, users, compared, drift) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (generation) DO UPDATE SET users = EXCLUDED.users,"
    " compared = EXCLUDED.compared, drift = EXCLUDED.drift, at = clock_timestamp()"
)


def keep_proving(settings: Settings, over: threading.Event) -> None:
    """Prove every `proof_seconds` until it is over; what can't be reached is tried again."""
    while not over.wait(settings.proof_seconds):
        try:
            prove(settings)
        except (TonnageError, psycopg.Error) as error:
            log.warning("nothing is proved now: %s", error)


def prove(settings: Settings) -> list[str]:
    """Recompute some users' figures, note how many rows have drifted, and return them in words.

    Raises TonnageError, psycopg.Error.
    """
    asked = settings
    if settings.proof_dsn is not None:
        asked = settings.model_copy(update={"source_dsn": settings.proof_dsn})
    users = sample_users(asked, settings.proof_percent)
    compared: Counter[str] = Counter()
    drifted = _differences(asked, users, compared)
    if drifted:
        caught_up.wait(settings, despite_incidents=True)
        again = _differences(asked, users, Counter())
        drifted = [each for each in drifted if each in again]
    for each in drifted:
        log.error("drifted: %s", each)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        serves = serving(connection)
        if serves is not None:
            numbers = [serves.number, len(users), compared.total(), len(drifted)]
            connection.execute(_PROVED, numbers)
    return drifted


def _differences(settings: Settings, users: Sequence[int], compared: Counter[str]) -> list[str]:
    return [str(each) for each in verify(settings, users, compared)]
