"""The watch: looks at the primary from outside, several times a second.

Whatever the log of changes can't tell is an incident: every answer is stale then, and says why.
Nothing here is asked of the workers, so that their death is no blindness.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from connectors.captured import captured_tables
from connectors.watch.ghosts import Suspicion
from connectors.watch.judgement import (
    LEFT_OUT,
    Finding,
    Known,
    Mark,
    Verdict,
    accept,
    first,
    judge,
    of_table,
    suspects,
)
from connectors.watch.sight import Sight, look
from connectors.watch.stored import Stored, StoredOffsets
from stream.generations import LIVE, Connection, Generation, State, generations, settings_of
from stream.incidents import CLOSE_IN_CAPTURE, OPEN_IN_CAPTURE, Incident
from stream.settings import Settings

log = logging.getLogger(__name__)

_OPTIONS = "-c statement_timeout=30s -c lock_timeout=2s"
_KNOWN = "SELECT known FROM tonnage.watch WHERE capture = %s"
_LOOKED = (
    "INSERT INTO tonnage.watch (capture, known) VALUES (%s, %s) ON CONFLICT (capture)"
    " DO UPDATE SET known = EXCLUDED.known, looked_at = clock_timestamp()"
)


@dataclass
class Capture:
    """One capture that is watched: what is known of it, which tables are looked at closer.

    `stored` is the last that was known to be stored and told of it, `told` how far Connect had
    stored it at the last look; None: Kafka was silent.
    """

    number: int
    known: Known | None = None
    suspicions: dict[str, Suspicion] = field(default_factory=dict)
    found: frozenset[Finding] = frozenset()
    stored: Stored = field(default_factory=Stored)
    told: int | None = None


class Watch:
    """Looks at each capture that feeds a live generation, once for each call of `look`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._captures: dict[int, Capture] = {}
        self._opened = ExitStack()
        self._primary: psycopg.Connection[Any] | None = None
        self._read_store: Connection | None = None
        self._stored = StoredOffsets(settings)

    def close(self) -> None:
        """Let go of everything."""
        self._hang_up()
        self._stored.close()

    def look(self) -> Mapping[int, frozenset[Finding]]:
        """Look once, and say what is wrong; return the findings of each live capture.

        Raises psycopg.Error where the primary or the read store does not answer. Without Kafka,
        all is judged but whether the slot is further on than what was captured.
        """
        try:
            return dict(self._look())
        except psycopg.Error:
            self._hang_up()
            raise

    def told(self, number: int) -> int | None:
        """Return how far Connect had stored a capture at the last look; None: Kafka was silent."""
        return self._captures[number].told

    def _look(self) -> Iterator[tuple[int, frozenset[Finding]]]:
        primary, read_store = self._connections()
        live = feeding(read_store)
        self._stored.follow([settings_of(self._settings, number) for number in live])
        for number, generation in live.items():
            own = settings_of(self._settings, number)
            sight = look(primary, own)
            capture = self._captures.setdefault(number, Capture(number))
            before = capture.stored
            told = self._stored.now(own)
            capture.stored = told or before
            capture.told = told.furthest or None if told is not None else None
            known = capture.known or remembered(read_store, number) or first(sight)
            findings = {*judge(known, sight, before.furthest or None, capture.told)}
            if capture.stored.first.left_out:
                findings.add(LEFT_OUT)
            harmless: dict[str, Mark] = {}
            for name, mark in suspects(known, sight, capture.stored.again).items():
                suspicion = self._suspect(capture, name, mark, sight)
                if suspicion.verdict is Verdict.CLEAN:
                    harmless[name] = mark
                    del capture.suspicions[name]
                else:
                    file = known.files.get(name)
                    findings.add(of_table(name, file, mark, suspicion.verdict))
            capture.known = accept(known, sight, harmless)
            read_store.execute(_LOOKED, [number, Jsonb(msgspec.to_builtins(capture.known))])
            self._tell(read_store, capture, frozenset(findings))
            yield number, capture.found
            for suspicion in capture.suspicions.values():
                suspicion.look_closer(primary, read_store, own, generation)

    def _hang_up(self) -> None:
        self._opened.close()
        self._primary = self._read_store = None

    def _connections(self) -> tuple[psycopg.Connection[Any], Connection]:
        if self._primary is None or self._read_store is None:
            self._primary = self._opened.enter_context(
                psycopg.connect(
                    self._settings.need("source_dsn"), autocommit=True, options=_OPTIONS
                )
            )
            self._read_store = self._opened.enter_context(
                psycopg.connect(self._settings.need("read_store_dsn"), autocommit=True)
            )
        return self._primary, self._read_store

    def _suspect(self, capture: Capture, name: str, mark: Mark, sight: Sight) -> Suspicion:
        held = capture.suspicions.get(name)
        if held is None or held.mark != mark:
            own = settings_of(self._settings, capture.number)
            [table] = [each for each in captured_tables(own) if each.qualified == name]
            held = capture.suspicions[name] = Suspicion(table, mark, sight.end)
        return held

    def _tell(self, read_store: Connection, capture: Capture, found: frozenset[Finding]) -> None:
        """Open what is found. What was found stays open, but for what passes by itself."""
        now = {finding.kind for finding in found}
        for kind, detail in _merged(found - capture.found):
            log.error("%s: %s", kind, detail)
            read_store.execute(OPEN_IN_CAPTURE, [kind, detail, capture.number])
        if Incident.SUSPECTED not in now:
            read_store.execute(CLOSE_IN_CAPTURE, [Incident.SUSPECTED, capture.number])
        capture.found = found


def feeding(read_store: Connection) -> dict[int, Generation]:
    """Return each capture that feeds a live generation, with the foremost that it feeds."""
    order = [State.KEPT, State.BUILDING, State.SERVING]
    live = [each for each in generations(read_store) if each.state in LIVE]
    return {each.capture: each for each in sorted(live, key=lambda each: order.index(each.state))}


def remembered(read_store: Connection, capture: int) -> Known | None:
    """Return what an earlier watch has known of a capture."""
    row = read_store.execute(_KNOWN, [capture]).fetchone()
    return msgspec.convert(row[0], Known) if row else None


def begin(settings: Settings, capture: int) -> None:
    """Note what a capture is going to read, before it does. Raises psycopg.Error."""
    own = settings_of(settings, capture)
    with (
        psycopg.connect(own.need("source_dsn"), autocommit=True) as primary,
        psycopg.connect(own.need("read_store_dsn"), autocommit=True) as read_store,
    ):
        known = msgspec.to_builtins(first(look(primary, own)))
        read_store.execute(_LOOKED, [capture, Jsonb(known)])


def watched(read_store: Connection) -> list[int]:
    """Return the captures that are watched, or were."""
    return [capture for (capture,) in read_store.execute("SELECT capture FROM tonnage.watch")]


def forget(read_store: Connection, capture: int) -> None:
    """Forget a capture that feeds nothing any more, and what befell it."""
    for table in ("watch", "incident"):
        statement = f"DELETE FROM tonnage.{table} WHERE capture = %s"  # noqa: S608 - our own names
        read_store.execute(statement.encode(), [capture])


def _merged(findings: frozenset[Finding]) -> Iterator[Finding]:
    """Put findings of one kind together."""
    for kind in {finding.kind for finding in findings}:
        yield Finding(
            kind, "; ".join(sorted(each.detail for each in findings if each.kind == kind))
        )
