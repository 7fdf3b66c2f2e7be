"""What it means that the primary looks as it does now: which changes may have been missed.

Debezium says nothing of most of this, and goes on. So it is judged from outside:

1. A reader confirms to its slot only what Kafka Connect has stored. A slot that is further on
   was moved by somebody else, or made anew.
2. A TRUNCATE gives a table another file, and the log tells nothing of it. So does a rewrite,
   which changes no row: a closer look tells them apart (see `connectors.watch.ghosts`).
3. A first snapshot that is interrupted begins again, and nothing tells of what was deleted
   between. The same look finds it. Or it is left out, which its notifications tell.
4. A table of another identity is another table, whatever its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

import msgspec

from connectors.watch.sight import Sight, Slot, Table
from stream.cdc.lsn import format_lsn
from stream.incidents import Incident


class Known(msgspec.Struct, frozen=True):
    """What a capture reads: the primary's identity, each table's identity and file.

    `snapshots` has the last snapshot, by its LSN, after which a table was looked at.
    """

    system: int
    oids: dict[str, int]
    files: dict[str, int]
    slot_seen: bool = False
    snapshots: dict[str, int] = msgspec.field(default_factory=dict)


class Mark(NamedTuple):
    """What makes a table suspicious: another file than is known, a snapshot that began again."""

    file: int
    again: int | None = None


class Verdict(Enum):
    """What a closer look has found so far."""

    OPEN = auto()
    CLEAN = auto()
    HAUNTED = auto()


class Finding(NamedTuple):
    """What is wrong, in words that say what to do."""

    kind: Incident
    detail: str


_REBUILD = "`tonnage stream reset --from-source` mends it"

LEFT_OUT = Finding(
    Incident.SNAPSHOT,
    "the first snapshot was interrupted before anything was read, and Debezium went on without"
    f" one: what was there before is missing: {_REBUILD}",
)


def first(sight: Sight) -> Known:
    """Return what is known of a capture after the first look."""
    return Known(
        system=sight.system,
        oids={name: table.oid for name, table in sight.tables.items() if table.oid},
        files={name: table.file for name, table in sight.tables.items() if table.file},
        slot_seen=sight.slot is not None,
    )


def accept(known: Known, sight: Sight, harmless: Mapping[str, Mark]) -> Known:
    """Return what is known after a look, and after closer ones that have found no ghosts."""
    fresh = first(sight)
    return Known(
        system=known.system,
        oids=fresh.oids | known.oids,
        files=fresh.files | known.files | {name: mark.file for name, mark in harmless.items()},
        slot_seen=known.slot_seen or fresh.slot_seen,
        snapshots=known.snapshots
        | {name: mark.again for name, mark in harmless.items() if mark.again is not None},
    )


def judge(known: Known, sight: Sight, before: int | None, stored: int | None) -> Iterator[Finding]:
    """Yield what is wrong.

    `before` and `stored` are the furthest LSN that Kafka Connect had stored of this capture before
    the look and after it; None where it has stored none, or does not tell. The log goes on while
    one looks: so its end is held against what was stored before, the slot against what is stored
    after.
    """
    if sight.system != known.system:
        yield Finding(
            Incident.PRIMARY,
            f"another server answers as the primary (system {sight.system}, it was"
            f" {known.system}): {_REBUILD}",
        )
        return
    if before is not None and sight.end < before:
        yield Finding(
            Incident.PRIMARY,
            f"the primary's log ends at {format_lsn(sight.end)}, and was captured up to"
            f" {format_lsn(before)}: it was set back, or another server took over that was"
            f" behind: {_REBUILD}",
        )
    yield from _slot(known, sight.slot, stored)
    for name, table in sight.tables.items():
        yield from _table(name, table, known.oids.get(name))


def suspects(known: Known, sight: Sight, again: int | None) -> dict[str, Mark]:
    """Return the tables that may hold ghosts: emptied or rewritten since they were known.

    All of them where the first snapshot has begun `again`, until they were looked at.
    """
    return {
        name: Mark(table.file, again)
        for name, table in sight.tables.items()
        if table.oid == known.oids.get(name)
        and table.file is not None
        and (table.file != known.files.get(name) or again not in (None, known.snapshots.get(name)))
    }


def of_table(name: str, file: int | None, mark: Mark, verdict: Verdict) -> Finding:
    """Say what a closer look has found that is not clean; `file` is the one that was known."""
    emptied = mark.file != file
    if verdict is Verdict.OPEN:
        why = (
            f"{name} was emptied by TRUNCATE, or only rewritten"
            if emptied
            else f"the first snapshot was interrupted, and {name} is read again"
        )
        return Finding(Incident.SUSPECTED, f"{why}: it is being looked at")
    if emptied:
        return Finding(
            Incident.EMPTIED,
            f"{name} was emptied by TRUNCATE, which the log does not tell: {_REBUILD}",
        )
    return Finding(
        Incident.GHOSTS,
        f"the first snapshot was interrupted, and rows of {name} that were deleted before it was"
        f" taken again are held: {_REBUILD}",
    )


def _slot(known: Known, slot: Slot | None, stored: int | None) -> Iterator[Finding]:
    if slot is None:
        if known.slot_seen or stored is not None:
            yield Finding(
                Incident.SLOT, f"the replication slot is gone, changes are missed: {_REBUILD}"
            )
    elif slot.wal_status == "lost":
        yield Finding(
            Incident.SLOT,
            f"the primary has removed WAL that the slot needed, changes are missed: {_REBUILD};"
            " then raise max_slot_wal_keep_size",
        )
    elif stored is not None and slot.confirmed is not None and slot.confirmed > stored:
        yield Finding(
            Incident.SLOT,
            f"the replication slot is at {format_lsn(slot.confirmed)}, and only"
            f" {format_lsn(stored)} was captured: somebody moved it or made it anew, changes are"
            f" missed: {_REBUILD}",
        )


def _table(name: str, table: Table, known: int | None) -> Iterator[Finding]:
    if table.oid is None:
        if known is not None:
            yield Finding(
                Incident.TABLE,
                f"{name} is not there: it was renamed or dropped, its changes are missed. Give it"
                f" back its name, or set the new one; then {_REBUILD}",
            )
        return
    if known is not None and table.oid != known:
        yield Finding(Incident.TABLE, f"{name} is another table than before: {_REBUILD}")
    if not table.published:
        yield Finding(
            Incident.PUBLICATION,
            f"{name} is not published, its changes are missed: `tonnage connector apply`"
            f" publishes it; then {_REBUILD}",
        )
    for column, kind in table.unfit.items():
        what = "lacks" if kind is None else f"is {kind}, which can't be read"
        yield Finding(
            Incident.COLUMNS,
            f"{name}.{column} {what}: put it back, or name its successor in TONNAGE_COLUMNS;"
            f" then {_REBUILD}",
        )
