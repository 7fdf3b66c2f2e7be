"""Starts a connector again that has failed: Kafka Connect does not do so by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.state import read_connector
from stream.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LONGEST_SECONDS = 60.0


class Upkeep:
    """One connector's; each restart in vain doubles the time until the next, up to a minute."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._connect = Connect(settings.need("connect_url"), settings.connector_name)
        self._clock = clock
        self._next = clock()
        self._pause = LOOK_SECONDS

    def tend(self) -> None:
        """Look, unless it is too soon; start again what has failed."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + LOOK_SECONDS
        try:
            failure = read_connector(self._settings, self._connect).failure
            if failure is None:
                self._pause = LOOK_SECONDS
                return
            log.warning(
                "%s has failed, starting it again: %s", self._settings.connector_name, failure
            )
            self._connect.restart(only_failed=True)
        except ConnectorError as error:
            log.warning("Kafka Connect can't be looked at: %s", error)
        self._pause = min(self._pause * 2, LONGEST_SECONDS)
        self._next = self._clock() + self._pause
