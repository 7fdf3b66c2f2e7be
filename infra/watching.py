"""The watch as a process: looks, starts again what has failed, and begins the rebuild it may."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from time import monotonic
from types import FrameType

import psycopg

from connectors.errors import ConnectorError
from connectors.watch.judgement import Finding
from connectors.watch.upkeep import Upkeep
from connectors.watch.watch import Watch, watched
from infra.errors import TonnageError
from infra.observing import Observer
from infra.proof import keep_proving
from infra.rebuild import alone, retire_unused, unused_captures
from infra.services.part import TONNAGE
from stream import logs
from stream.admin import TopicsError
from stream.first import ensure_first
from stream.generations import serving, settings_of
from stream.incidents import MENDED_FROM_SOURCE, OPEN_NOW, Incident
from stream.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
AGAIN_SECONDS = 10.0
"""Until a rebuild that failed is begun again."""

_BY_HAND = frozenset({Incident.TABLE, Incident.COLUMNS})
"""While the source is like this, a rebuild would come to nothing."""

Findings = Mapping[int, frozenset[Finding]]


def watch(settings: Settings, port: int) -> None:
    """Watch until told to stop; `port` is that of its metrics, 0 picks a free one."""
    logs.set_up(settings)
    # several lines a second while a broker is away, and what it comes to is logged here
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    over = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        over.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    ensure_first(settings)
    with ExitStack() as stack:
        if settings.proof_seconds:
            proving = threading.Thread(target=keep_proving, args=(settings, over))
            proving.start()
            stack.callback(proving.join)
        observer = Observer(settings, port)
        stack.callback(observer.close)
        eye = Watch(settings)
        stack.callback(eye.close)
        rebuild = Rebuild(settings)
        stack.callback(rebuild.close)
        tidying = Aside("tidy", partial(tidy, settings), AGAIN_SECONDS)
        stack.callback(tidying.close)
        keeping = Aside("upkeep", Keeping(settings).tend, LOOK_SECONDS)
        stack.callback(keeping.close)
        while not over.wait(LOOK_SECONDS):
            tidying.tend()
            try:
                found = eye.look()
                rebuild.tend(found)
            except psycopg.Error as error:
                log.warning("can't look, trying again: %s", " ".join(str(error).split()))
                continue
            observer.sights.put("incidents", [])
            keeping.tend({each: eye.told(each) for each, wrong in found.items() if not wrong})


class Aside:
    """Does something now and then in a thread of its own: who watches waits for nobody."""

    def __init__(self, name: str, work: Callable[..., None], seconds: float) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1, name)
        self._last: Future[None] | None = None
        self._next = 0.0

    def tend(self, *arguments: object) -> None:
        """Begin it, where it is time and the last is done. What that has raised is logged."""
        if monotonic() >= self._next and (self._last is None or self._last.done()):
            self._next = monotonic() + self._seconds
            self._last = self._thread.submit(self._do, *arguments)

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown()

    def _do(self, *arguments: object) -> None:
        try:
            self._work(*arguments)
        except Exception:  # in a thread nobody waits for: it would be lost
            log.exception("%s failed, trying again", self._name)


def tidy(settings: Settings) -> None:
    """Remove captures that feed nothing any more, where a rebuild was killed before it could."""
    try:
        with psycopg.connect(settings.need("read_store_dsn")) as connection:
            left = set(unused_captures(connection)).intersection(watched(connection))
        if left:
            with alone(settings) as connection:
                gone = retire_unused(settings, connection)
            log.info("removed, since it feeds nothing: %s", ", ".join(gone))
    except (TonnageError, TopicsError, ConnectorError, psycopg.Error) as error:
        log.info("nothing is tidied now: %s", error)


class Keeping:
    """Keeps up the connectors of captures in which nothing is wrong."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._upkeep: dict[int, Upkeep] = {}

    def tend(self, sound: Mapping[int, int | None]) -> None:
        """Look at each, given how far Connect has stored it; None where Kafka did not tell."""
        for number, stored in sound.items():
            if number not in self._upkeep:
                self._upkeep[number] = Upkeep(settings_of(self._settings, number))
            self._upkeep[number].tend(stored)


class Rebuild:
    """Rebuilds from the source by itself where `TONNAGE_REBUILD` is `auto`, as a process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: subprocess.Popen[bytes] | None = None
        self._next = 0.0

    def tend(self, found: Findings) -> None:
        """Begin a rebuild where one is needed and may be begun. Raises psycopg.Error."""
        if self._settings.rebuild != "auto" or self._goes_on() or monotonic() < self._next:
            return
        with psycopg.connect(self._settings.need("read_store_dsn")) as connection:
            serves = serving(connection)
            if serves is None:
                return
            kinds = {kind for kind, _ in connection.execute(OPEN_NOW, [serves.number])}
        now = {finding.kind for finding in found.get(serves.capture, ())}
        if kinds.isdisjoint(MENDED_FROM_SOURCE) or now & _BY_HAND:
            return
        self._next = monotonic() + AGAIN_SECONDS
        if Incident.PUBLICATION in now:
            self._begin("connector", "apply")
        else:
            self._begin("stream", "reset", "--from-source", "--yes")

    def close(self) -> None:
        """Stop what runs; what serves goes on serving, and the next one goes on with the rest."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait()

    def _goes_on(self) -> bool:
        if self._running is not None and self._running.poll() is not None:
            log.info("%s ended with code %d", self._running.args, self._running.returncode)
            self._running = None
        return self._running is not None

    def _begin(self, *command: str) -> None:
        arguments: Sequence[str] = (TONNAGE, *command)
        log.warning("mending by itself: tonnage %s", " ".join(command))
        self._running = subprocess.Popen(arguments)
