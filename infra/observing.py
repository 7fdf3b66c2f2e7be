"""What the watch sees, for Prometheus: the parts, the capture, how far each step is.

A worker's own figures end with it. These come from outside: where a stream stands still because no
worker runs, its lag is here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

import psycopg
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.state import RUNNING, read_connector, read_primary
from connectors.watch.watch import feeding
from infra.errors import TonnageError
from stream.admin import TopicsError
from stream.generations import serving, settings_of
from stream.incidents import OPEN_NOW
from stream.settings import Settings
from stream.status import GenerationStatus, stream_status

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
_ANSWER_SECONDS = 5

METRICS: Mapping[str, str] = {
    "tonnage_watch_look_timestamp_seconds": "When the watch last finished a look",
    "tonnage_part_up": "1 if a part answers the watch",
    "tonnage_connector_running": "1 if the connector and its task run",
    "tonnage_heartbeat_age_seconds": "Time since the heartbeat was written",
    "tonnage_slot_present": "1 if the primary has the slot",
    "tonnage_slot_active": "1 while somebody reads the slot",
    "tonnage_slot_retained_bytes": "WAL that the slot holds back",
    "tonnage_slot_left_bytes": "WAL until the slot is lost; only where there is a limit",
    "tonnage_primary_wal_bytes": "WAL that the primary has ever written",
    "tonnage_incidents": "Open incidents of what serves",
    "tonnage_group_workers": "Workers of a generation",
    "tonnage_frontier_age_seconds": "Age of what a generation has all of",
    "tonnage_step_lag_records": "Records that a step has not finished",
}


class Seen(NamedTuple):
    """A figure: the metric's name, its labels, its value."""

    name: str
    labels: Mapping[str, str]
    value: float


class Sights(Collector):
    """What each kind of look has seen last; a look's figures are replaced at once."""

    def __init__(self) -> None:
        self._held: dict[str, list[Seen]] = {}

    def put(self, look: str, seen: list[Seen]) -> None:
        """Take what a look has seen."""
        when = Seen("tonnage_watch_look_timestamp_seconds", {"of": look}, time.time())
        self._held[look] = [*seen, when]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each metric once."""
        families = {name: GaugeMetricFamily(name, text) for name, text in METRICS.items()}
        for seen in list(self._held.values()):
            for name, labels, value in seen:
                families[name].add_sample(name, dict(labels), value)
        yield from families.values()


class Observer:
    """Looks now and then, each kind of look in a thread of its own: none waits for another."""

    def __init__(self, settings: Settings, port: int) -> None:
        """Begin. Raises TonnageError where the port is taken."""
        self.sights = Sights()
        self._over = threading.Event()
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(self.sights)
        host = settings.metrics_host
        try:
            self._server, serving_thread = start_http_server(port, host, registry)
        except OSError as error:
            raise TonnageError(
                f"the watch can't listen on {host}:{port}: {error.strerror}. Set"
                " TONNAGE_WATCH_PORT to a free port, or 0 to pick one."
            ) from error
        log.info("metrics are on http://%s:%d/metrics", host, self._server.server_port)
        self._threads = [serving_thread]
        for name, look in LOOKS.items():
            self._threads.append(threading.Thread(target=self._keep, args=(name, look, settings)))
            self._threads[-1].start()

    def close(self) -> None:
        """Stop, and wait for the looks that go on."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def _keep(self, name: str, look: Callable[[Settings], Iterator[Seen]], own: Settings) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self.sights.put(name, list(look(own)))


def _answers(part: str, *, yes: bool) -> Seen:
    return Seen("tonnage_part_up", {"part": part}, yes)


def look_at_stream(settings: Settings) -> Iterator[Seen]:
    """Look at the read store, at the broker, and at how far each step is."""
    try:
        yield from _incidents(settings)
    except psycopg.Error as error:
        log.debug("the read store does not answer: %s", error)
        yield _answers("read-store", yes=False)
        return
    yield _answers("read-store", yes=True)
    try:
        found = stream_status(settings)
    except TopicsError as error:
        log.debug("Kafka does not answer: %s", error)
        yield _answers("kafka", yes=False)
        return
    except psycopg.Error as error:  # it has gone just now
        log.debug("the read store does not answer: %s", error)
        return
    yield _answers("kafka", yes=True)
    for generation in found.generations:
        yield from _generation(generation)


def _incidents(settings: Settings) -> Iterator[Seen]:
    dsn = settings.need("read_store_dsn")
    with psycopg.connect(dsn, connect_timeout=_ANSWER_SECONDS) as connection:
        serves = serving(connection)
        if serves is None:
            return
        for kind, _ in connection.execute(OPEN_NOW, [serves.number]).fetchall():
            yield Seen("tonnage_incidents", {"kind": kind}, 1)


def _generation(found: GenerationStatus) -> Iterator[Seen]:
    number = {"generation": str(found.generation)}
    yield Seen("tonnage_group_workers", {**number, "state": found.state}, found.workers)
    if found.lag_seconds is not None:
        yield Seen("tonnage_frontier_age_seconds", number, found.lag_seconds)
    lags: dict[tuple[str, int], int] = {}
    for each in found.partitions:
        place = each.step, each.partition
        lags[place] = lags.get(place, 0) + each.lag
    for (step, partition), lag in lags.items():
        labels = {**number, "step": step, "partition": str(partition)}
        yield Seen("tonnage_step_lag_records", labels, lag)


def _captures(settings: Settings) -> list[Settings]:
    """Return the settings of each capture that feeds something, of the first where none does."""
    dsn = settings.need("read_store_dsn")
    with (
        suppress(psycopg.Error),
        psycopg.connect(dsn, connect_timeout=_ANSWER_SECONDS) as connection,
    ):
        return [settings_of(settings, number) for number in feeding(connection) or (0,)]
    return [settings]


def look_at_primary(settings: Settings) -> Iterator[Seen]:
    """Look at the slots, their WAL and the heartbeat."""
    try:
        states = {own.slot_name: read_primary(own) for own in _captures(settings)}
    except ConnectorError as error:
        log.debug("%s", error)
        yield _answers("primary", yes=False)
        return
    yield _answers("primary", yes=True)
    for name, state in states.items():
        slot, labels = state.slot, {"slot": name}
        figures = {
            "heartbeat_age_seconds": state.heartbeat_age_seconds,
            "slot_present": slot is not None,
            "slot_active": slot is not None and slot.active,
            "slot_retained_bytes": slot.retained_bytes if slot else None,
            "slot_left_bytes": slot.safe_wal_size if slot else None,
        }
        for figure, value in figures.items():
            if value is not None:
                yield Seen(f"tonnage_{figure}", labels, value)
    yield Seen("tonnage_primary_wal_bytes", {}, max(each.wal_end for each in states.values()))


def look_at_connect(settings: Settings) -> Iterator[Seen]:
    """Look at the connectors."""
    try:
        for own in _captures(settings):
            connect = Connect.of(own)
            running = read_connector(own, connect).all_are(RUNNING)
            yield Seen("tonnage_connector_running", {"connector": own.connector_name}, running)
    except ConnectorError as error:
        log.debug("%s", error)
        yield _answers("connect", yes=False)
        return
    yield _answers("connect", yes=True)


LOOKS: Mapping[str, Callable[[Settings], Iterator[Seen]]] = {
    "stream": look_at_stream,
    "primary": look_at_primary,
    "connect": look_at_connect,
}
