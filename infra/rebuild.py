"""Building a generation beside the one that serves, and switching to it.

What is done is in the read store: whoever is interrupted leaves a generation that is being
built, which the next one goes on with, or gives up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, stop_never, wait_fixed

from connectors import registration
from connectors.retirement import retire
from connectors.scanning import scanned
from connectors.watch import watch
from infra import caught_up
from infra.errors import TonnageError
from infra.home import Home
from infra.progress import Seen, tell
from infra.workers import start_all
from stream.cdc.lsn import parse_lsn
from stream.comparison import compare
from stream.generations import (
    LIVE,
    Connection,
    Generation,
    State,
    begin,
    by_number,
    differing,
    drop,
    generations,
    serving,
    settings_of,
)
from stream.incidents import MENDED_FROM_SOURCE, OPEN_NOW, Incident
from stream.settings import Settings, SettingsError
from stream.switch import switch
from stream.topics import ensure_topics

_POLL_SECONDS = 0.2
_STUCK_SECONDS = 30
"""How long a frontier may stand still on a busy machine."""
_HARMED_SECONDS = 2
"""The same of a generation that an open incident keeps from going on."""
_PUBLISH_SECONDS = 1800
"""Until another partition is published: one of a large user base takes minutes to compare."""
_TIDY_SECONDS = 2
"""What the watch tidies away is done by then; a rebuild takes longer."""

_ONE_REBUILD = 0x72_65_73_65
"""The advisory lock of whoever rebuilds."""

_FRONTIER = "SELECT (lsn - '0/0')::bigint FROM tonnage.frontier WHERE generation = %s"


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild has done: a generation that serves, and what it says otherwise.

    `differences` counts rows by table and kind of difference; `file` has them all. `changed`
    and `gone` are the values that were published.
    """

    generation: int
    differences: dict[str, dict[str, int]]
    file: Path
    changed: int
    gone: int


@contextmanager
def alone(settings: Settings) -> Iterator[Connection]:
    """Open the read store, as the only one who rebuilds. Raises TonnageError where another does."""
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:

        def taken() -> bool:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_REBUILD]).fetchone()
            return bool(row and row[0])

        if not _until(taken, _TIDY_SECONDS):
            raise TonnageError("another rebuild is at work: wait until it is done, or stop it")
        yield connection


def begun(connection: Connection) -> Generation | None:
    """Return the generation that is being built; None where none is."""
    return next((each for each in generations(connection) if each.state == State.BUILDING), None)


def needed(connection: Connection) -> Generation:
    """Return the generation that serves. Raises TonnageError before the first."""
    found = serving(connection)
    if found is None:
        raise TonnageError("no generation serves yet: start a worker with `tonnage stream run`")
    return found


def rebuild(settings: Settings, connection: Connection, seen: Seen, *, source: bool) -> Rebuilt:
    """Build a generation from the topics, or from a new snapshot of the source; switch to it.

    Raises TonnageError, ConnectorError, TopicsError.
    """
    before = needed(connection)
    new = _begin(connection, settings, before, source=source)
    own = settings_of(settings, new.capture)
    if source:
        seen("starting the capture", 0, 0)
        ensure_topics(own)
        watch.begin(settings, new.capture)
        registration.apply(own)
        registration.wait_running(own)
    start_all(Home.at(settings.home))
    _catch_up(own, connection, new, before, seen)
    seen("comparing", 0, 0)
    file = settings.home / "rebuilds" / f"generation-{new.number}.jsonl"
    differences = _compare(own, connection, before, new, file)
    seen("switching", 0, 0)
    switch(
        connection,
        new,
        source_end=(lambda: _end(settings)) if source else None,
    )
    changed, gone = _published(connection, new, seen)
    if source:
        seen("removing the capture before", 0, 0)
        retire_unused(settings, connection)
    return Rebuilt(new.number, differences, file, changed, gone)


def give_up(settings: Settings, connection: Connection) -> Generation | None:
    """Drop the generation that is being built, and its capture; return it."""
    found = begun(connection)
    if found is not None:
        drop(connection, found)
    retire_unused(settings, connection)
    return found


def roll_back(connection: Connection, seen: Seen) -> Generation:
    """Let the generation that served before serve again. Raises TonnageError where none can."""
    kept = [each for each in generations(connection) if each.state == State.KEPT]
    if not kept:
        raise TonnageError("no generation is kept that could serve: there is no way back")
    last = max(kept, key=lambda each: (each.kept_at is not None, each.kept_at))
    gap = "; ".join(f"{kind}: {what}" for kind, what in open_incidents(connection, last))
    if gap:
        raise TonnageError(f"generation {last.number} has a gap and can't serve: {gap}")
    seen("switching", 0, 0)
    switch(connection, last)
    _published(connection, last, seen)
    return last


def unused_captures(connection: Connection) -> list[int]:
    """Return the captures that are watched, or were the first, and feed no generation any more."""
    used = {each.capture for each in generations(connection) if each.state in LIVE}
    return sorted({0, *watch.watched(connection)} - used)


def open_incidents(connection: Connection, generation: Generation) -> list[tuple[str, str]]:
    """Return the kind and the words of what keeps a generation's answers from being trusted."""
    return connection.execute(OPEN_NOW, [generation.number]).fetchall()


def _has_gap(connection: Connection, generation: Generation) -> bool:
    return any(kind in MENDED_FROM_SOURCE for kind, _ in open_incidents(connection, generation))


def _is_suspected(connection: Connection, generation: Generation) -> bool:
    return any(kind == Incident.SUSPECTED for kind, _ in open_incidents(connection, generation))


def retire_unused(settings: Settings, connection: Connection) -> list[str]:
    """Remove the captures that feed no generation any more; return what was removed."""
    gone = []
    for each in unused_captures(connection):
        gone += retire(settings_of(settings, each))
        watch.forget(connection, each)
    return gone


def _begin(
    connection: Connection, settings: Settings, before: Generation, *, source: bool
) -> Generation:
    """Begin a generation, or go on with the one that was begun."""
    found = begun(connection)
    if found is not None and source and _has_gap(connection, found):
        give_up(settings, connection)
        found = None
    if found is None:
        return begin(connection, settings, None if source else before.capture)
    other = "--from-source" if found.capture != before.capture else "without --from-source"
    if source != (found.capture != before.capture):
        raise TonnageError(
            f"generation {found.number} is being built {other}: go on with that, or give it up"
            " with `tonnage stream reset --give-up`"
        )
    names = differing(settings, found)
    if names:
        raise TonnageError(
            f"generation {found.number} was begun with other settings ({', '.join(names)}): set"
            " them back, or give it up with `tonnage stream reset --give-up`"
        )
    return found


def _catch_up(
    settings: Settings, connection: Connection, new: Generation, before: Generation, seen: Seen
) -> None:
    """Wait until the new generation is as far as what serves."""
    source = new.capture != before.capture
    least = _end(settings) if source else 0

    def reached() -> bool:
        if by_number(connection, new.number).state != State.BUILDING:
            raise TonnageError(f"generation {new.number} was given up meanwhile")
        tell(settings, new, scanning, seen)
        if scanning is not None and (scanning.first.left_out or _has_gap(connection, new)):
            raise TonnageError(
                f"changes were missed while generation {new.number} was built: run"
                " `tonnage stream reset --from-source` again, which begins anew"
            )
        own = _frontier(connection, new)
        far = own is not None and own >= max(least, _frontier(connection, before) or 0)
        return far and (scanning is None or (scanning.over and not _is_suspected(connection, new)))

    with scanned(settings) if source else nullcontext() as scanning:
        _until(reached, None)


def all_past(
    connection: Connection, those: Sequence[Generation], written: int, patience: float
) -> bool:
    """Wait until these serve all that was `written`, or any has served; heartbeats move them.

    Their rows may hold more than their frontiers vouch for, so that two which are level need
    not have passed each other. Returns False where one stands still for `patience` seconds.
    """

    def frontiers() -> list[int]:
        return [_frontier(connection, each) or 0 for each in those]

    furthest = max(written, *frontiers())
    while min(now := frontiers()) < furthest:
        behind = now.index(min(now))
        if not _until(lambda: frontiers()[behind] > now[behind], patience):  # noqa: B023 - it is called at once
            return False
    return True


def _compare(
    settings: Settings, connection: Connection, before: Generation, new: Generation, file: Path
) -> dict[str, dict[str, int]]:
    patience = _HARMED_SECONDS if open_incidents(connection, before) else _STUCK_SECONDS

    def pass_each_other() -> bool:
        return all_past(connection, (before, new), _written(settings), patience)

    file.parent.mkdir(parents=True, exist_ok=True)
    counts: dict[str, Counter[str]] = {}
    with file.open("w") as lines:
        for each in compare(connection, before, new, pass_each_other):
            kind = "added" if each.before is None else "gone" if each.after is None else "changed"
            kind = kind if each.settled else "being written"
            counts.setdefault(each.table, Counter())[kind] += 1
            lines.write(json.dumps(asdict(each), default=str) + "\n")
    return {table: dict(counter) for table, counter in counts.items()}


def _published(connection: Connection, generation: Generation, seen: Seen) -> tuple[int, int]:
    """Wait until the public topics say what the generation says; return what was published."""
    epoch = by_number(connection, generation.number).epoch
    partitions = generation.built_from["partitions"]
    row: tuple[Any, ...] = (0, 0, 0)

    def published() -> bool:
        nonlocal row
        row = connection.execute(
            "SELECT count(*), coalesce(sum(changed), 0), coalesce(sum(gone), 0)"
            " FROM tonnage.published WHERE epoch = %s",
            [epoch],
        ).fetchone() or (0, 0, 0)
        seen("publishing", row[0], partitions)
        return bool(row[0] == partitions)

    def more_than(before: int) -> bool:
        return published() or row[0] > before

    while not published():
        before = row[0]
        if not _until(partial(more_than, before), _PUBLISH_SECONDS):
            raise TonnageError(
                f"generation {generation.number} serves, but its workers have published nothing"
                f" for {_PUBLISH_SECONDS} s, and {partitions - before} partitions are left:"
                " `tonnage stream status` shows them"
            )
    return int(row[1]), int(row[2])


def _until(reached: Callable[[], bool], seconds: float | None) -> bool:
    attempts = Retrying(
        retry=retry_if_result(lambda done: not done),
        stop=stop_never if seconds is None else stop_after_delay(seconds),
        wait=wait_fixed(_POLL_SECONDS),
    )
    try:
        attempts(reached)
    except RetryError:
        return False
    return True


def _frontier(connection: Connection, generation: Generation) -> int | None:
    row = connection.execute(_FRONTIER, [generation.number]).fetchone()
    return row[0] if row else None


def _written(settings: Settings) -> int:
    """Return where the primary's WAL ends; 0 where it can't be asked, and so is not written to."""
    try:
        return _end(settings)
    except (psycopg.OperationalError, SettingsError):
        return 0


def _end(settings: Settings) -> int:
    return parse_lsn(caught_up.current_lsn(settings))
