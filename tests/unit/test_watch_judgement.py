from __future__ import annotations

import msgspec
import pytest

from connectors.scanning import FirstSnapshot
from connectors.snapshot import Told
from connectors.watch.judgement import (
    Known,
    Mark,
    Verdict,
    accept,
    first,
    judge,
    of_table,
    suspects,
)
from connectors.watch.sight import Sight, Slot, Table
from connectors.watch.stored import Stored
from stream.incidents import Incident

NAME = "public.workouts_workout"
TABLE = Table(oid=7, file=70, published=True, unfit={})
SIGHT = Sight(system=1, end=500, slot=Slot(300, "reserved"), tables={NAME: TABLE})
KNOWN = first(SIGHT)


def kinds(
    sight: Sight, known: Known = KNOWN, before: int | None = 300, stored: int | None = 300
) -> list[Incident]:
    return [finding.kind for finding in judge(known, sight, before, stored)]


def with_table(**changes: object) -> Sight:
    return msgspec.structs.replace(SIGHT, tables={NAME: msgspec.structs.replace(TABLE, **changes)})


def test_nothing_is_wrong_with_what_is_known() -> None:
    assert kinds(SIGHT) == []
    assert kinds(SIGHT, before=None, stored=None) == []


@pytest.mark.parametrize(
    ("slot", "stored", "found"),
    [
        (Slot(300, "reserved"), 300, []),
        (Slot(300, "extended"), 400, []),
        (Slot(301, "reserved"), 300, [Incident.SLOT]),
        (Slot(301, "reserved"), None, []),
        (Slot(None, "lost"), 300, [Incident.SLOT]),
        (None, 300, [Incident.SLOT]),
    ],
)
def test_a_slot_is_behind_what_is_stored(
    slot: Slot | None, stored: int | None, found: list[Incident]
) -> None:
    assert kinds(msgspec.structs.replace(SIGHT, slot=slot), stored=stored) == found


def test_a_slot_that_never_was_is_not_missed() -> None:
    without = msgspec.structs.replace(SIGHT, slot=None)
    assert kinds(without, first(without), before=None, stored=None) == []


def test_a_log_that_went_on_while_one_looked_was_not_set_back() -> None:
    assert kinds(SIGHT, before=450, stored=600) == []
    assert kinds(SIGHT, before=501, stored=600) == [Incident.PRIMARY]


def test_another_server_is_all_that_is_said_of_it() -> None:
    other = msgspec.structs.replace(SIGHT, system=2, slot=None)
    assert kinds(other) == [Incident.PRIMARY]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"oid": None, "file": None, "published": False}, [Incident.TABLE]),
        ({"oid": 8, "file": 80}, [Incident.TABLE]),
        ({"published": False}, [Incident.PUBLICATION]),
        ({"unfit": {"date": None}}, [Incident.COLUMNS]),
        ({"unfit": {"date": "text"}}, [Incident.COLUMNS]),
    ],
)
def test_a_table_is_the_one_that_is_known(
    changes: dict[str, object], found: list[Incident]
) -> None:
    assert kinds(with_table(**changes)) == found


def test_another_file_is_a_suspicion_until_it_is_accepted() -> None:
    rewritten = with_table(file=71)
    assert kinds(rewritten) == []
    assert suspects(KNOWN, rewritten, None) == {NAME: Mark(71)}
    assert suspects(accept(KNOWN, rewritten, {}), rewritten, None) == {NAME: Mark(71)}
    assert suspects(accept(KNOWN, rewritten, {NAME: Mark(71)}), rewritten, None) == {}


def test_a_snapshot_that_began_again_is_a_suspicion_until_it_is_accepted() -> None:
    assert suspects(KNOWN, SIGHT, None) == {}
    assert suspects(KNOWN, SIGHT, 400) == {NAME: Mark(70, 400)}
    once = accept(KNOWN, SIGHT, {NAME: Mark(70, 400)})
    assert suspects(once, SIGHT, 400) == {}
    assert suspects(once, SIGHT, None) == {}
    assert suspects(once, SIGHT, 450) == {NAME: Mark(70, 450)}
    assert msgspec.convert(msgspec.to_builtins(once), Known) == once


@pytest.mark.parametrize(
    ("mark", "verdict", "kind", "words"),
    [
        (Mark(71), Verdict.OPEN, Incident.SUSPECTED, "TRUNCATE, or only rewritten"),
        (Mark(71, 400), Verdict.HAUNTED, Incident.EMPTIED, "TRUNCATE"),
        (Mark(70, 400), Verdict.OPEN, Incident.SUSPECTED, "snapshot was interrupted"),
        (Mark(70, 400), Verdict.HAUNTED, Incident.GHOSTS, "deleted before it was taken again"),
    ],
)
def test_a_closer_look_says_what_it_was_for(
    mark: Mark, verdict: Verdict, kind: Incident, words: str
) -> None:
    found = of_table(NAME, 70, mark, verdict)
    assert found.kind == kind
    assert words in found.detail


def told(*kinds: str) -> FirstSnapshot:
    """Tell these of a first snapshot, while a later one is told of, too."""
    first = FirstSnapshot()
    for kind in kinds:
        first = first.and_then(Told("a", kind, "Initial Snapshot"))
        first = first.and_then(Told("b", "STARTED", "Incremental Snapshot"))
    return first


def test_a_first_snapshot_is_left_out_where_it_was_begun_and_is_skipped() -> None:
    assert told("STARTED", "SKIPPED").left_out
    assert told("STARTED", "IN_PROGRESS", "STARTED", "SKIPPED", "COMPLETED").left_out
    assert not told("STARTED", "IN_PROGRESS", "COMPLETED", "SKIPPED", "SKIPPED").left_out
    assert not told("STARTED", "STARTED", "COMPLETED", "SKIPPED").left_out
    assert not told("SKIPPED").left_out


def test_a_first_snapshot_is_known_by_where_it_began() -> None:
    begun = Stored().and_then({"lsn": 300, "snapshot": "INITIAL", "snapshot_completed": False})
    assert begun.again is None
    assert begun.and_then({"lsn": 300, "snapshot": "INITIAL"}).again is None
    again = begun.and_then({"lsn": 400, "snapshot": "INITIAL"})
    assert again.again == 400
    after = again.and_then({"lsn": 500, "lsn_proc": 520, "lsn_commit": 510})
    assert (after.again, after.furthest) == (400, 520)
