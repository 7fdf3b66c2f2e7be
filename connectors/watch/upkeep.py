"""Starts a connector again that has failed, or stands still: Kafka Connect does not by itself.

What may keep it from going on then is a transaction of its own (`connectors.watch.forgotten`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.state import MISSING, PAUSED, STOPPED, read_connector
from connectors.watch.forgotten import abort_forgotten
from stream.admin import TopicsError
from stream.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LONGEST_SECONDS = 60.0
UNSEEN_SECONDS = 10.0
STILL_SECONDS = 60.0
STILL_BEATS = 10
"""Each heartbeat moves what is stored. So many in vain, or so many seconds, are too long a rest."""
_MAY_REST = (PAUSED, STOPPED, MISSING)
"""What somebody wants to stand still; one that Connect is about to run, UNASSIGNED, can hang."""


class Upkeep:
    """One connector's; each restart in vain doubles the time until the next, up to a minute."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._connect = Connect.of(settings)
        self._clock = clock
        self._next = clock()
        self._pause = LOOK_SECONDS
        self._stored: int | None = None
        self._moved: float | None = None
        self._noted = clock()
        self._started_again = False
        self._still = max(STILL_SECONDS, STILL_BEATS * settings.heartbeat_interval_ms / 1000)

    def tend(self, stored: int | None) -> None:
        """Look, unless it is too soon; start again what has failed or stands still.

        `stored` is how far Connect has stored what was captured; None where nobody knows.
        """
        now = self._clock()
        self._note(stored, now)
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        try:
            found = read_connector(self._settings, self._connect)
            name, failure = self._settings.connector_name, found.failure
            if self._moved is not None and found.state in _MAY_REST:
                self._moved = now
            if failure is not None:
                log.warning("%s has failed, starting it again: %s", name, failure)
            elif self._moved is not None and now - self._moved > self._still:
                log.warning("%s (%s) stands still: starting it again", name, found.state)
                self._moved = now
            else:
                self._pause = LOOK_SECONDS
                if self._started_again:
                    self._free()
                return
            self._connect.restart(only_failed=failure is not None)
            self._started_again = True
        except ConnectorError as error:
            log.warning("Kafka Connect can't be looked at: %s", error)
        except TopicsError as error:
            log.warning("Kafka can't be looked at: %s", error)
        self._pause = min(self._pause * 2, LONGEST_SECONDS)
        self._next = self._clock() + self._pause

    def _free(self) -> None:
        """End what keeps it from reading its own offsets, until it has stored some again."""
        for place in abort_forgotten(self._settings):
            name = self._settings.connector_name
            log.warning("aborted a transaction of %s in %s that was forgotten", name, place)

    def _note(self, stored: int | None, now: float) -> None:
        """Note when what is stored has moved last: None until it does, so that a snapshot may last.

        In a snapshot everything is stored with one position. Where Kafka is silent, or nobody
        has looked for a while, time does not count.
        """
        if stored is not None and stored != self._stored:
            self._moved = now if self._stored is not None else None
            self._stored = stored
            self._started_again = False
        elif self._moved is not None and (stored is None or now - self._noted > UNSEEN_SECONDS):
            self._moved = now
        self._noted = now
