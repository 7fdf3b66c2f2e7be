"""The API's statements (queries.sql), each with the type of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Generic, TypeVar

import msgspec

from api import rows
from api.freshness import Freshness

Row = TypeVar("Row")

_HEADING = re.compile(r"^-- (\w+) --$", re.MULTILINE)


class Found(msgspec.Struct, Generic[Row], frozen=True):
    """What a statement found: rows, freshness, and how many rows of the source are left out.

    `version` changes with whatever the rows are made from; None where they alone tell. `text` is
    the rows as they came.
    """

    freshness: Freshness | None
    quarantined: int
    rows: list[Row]
    version: str | None = None
    text: bytes = b""


class _Answer(msgspec.Struct, frozen=True):
    freshness: Freshness | None
    quarantined: int
    rows: msgspec.Raw
    version: str | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class Query(Generic[Row]):
    """A statement that answers one JSON text, and the decoder of that.

    `version` asks for the version alone; None where the rows have none.
    """

    def __init__(self, sql: str, row: type[Row], version: Query[None] | None = None) -> None:
        self.sql = sql.encode()
        self._decode_rows = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
        self.version = version

    def decode(self, text: str) -> Found[Row]:
        """Read what the statement answered."""
        found = _decode(text)
        rows = self._decode_rows(found.rows)
        return Found(found.freshness, found.quarantined, rows, found.version, bytes(found.rows))


@cache
def blocks() -> dict[str, str]:
    """Return the blocks of queries.sql by name."""
    text = files("api").joinpath("queries.sql").read_text()
    _, *parts = _HEADING.split(text)
    return {name: _statement(body) for name, body in _pairs(parts)}


def _pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    return zip(parts[::2], parts[1::2], strict=True)


def _statement(body: str) -> str:
    return "\n".join(line for line in body.strip().splitlines() if not line.startswith("--"))


def _answer(name: str, version: str) -> str:
    return blocks()["answer"].replace("{version}", version).replace("{rows}", blocks()[name])


def _versioned(name: str, row: type[Row], version: Query[None], block: str) -> Query[Row]:
    return Query(_answer(name, blocks()[block]), row, version)


def _of_weeks(name: str, row: type[Row]) -> Query[Row]:
    return _versioned(name, row, WEEKS_VERSION, "version_of_weeks")


def _of_user(name: str, row: type[Row]) -> Query[Row]:
    return Query(_answer(name, "NULL").replace("{week}", blocks()["week"]), row)


HEALTH: Query[None] = Query(blocks()["health"], type(None))
FRESHNESS: Query[None] = Query(blocks()["freshness"], type(None))
WEEKS_VERSION: Query[None] = Query(_answer("nothing", blocks()["version_of_weeks"]), type(None))
RECORDS_VERSION: Query[None] = Query(_answer("nothing", blocks()["version_of_records"]), type(None))

WEEKLY_VOLUME = _of_weeks("weekly_volume", rows.VolumeOfWeek)
MUSCLE_GROUPS = _of_weeks("muscle_groups", rows.VolumeOfGroup)
WEEKLY_GROUPS = _of_weeks("weekly_groups", rows.GroupsOfWeek)
WEEKLY_DAYS = _of_weeks("weekly_days", rows.DaysOfWeek)
WEEK = _of_weeks("week", rows.StatsOfWeek)
LAST_TRAINED = _of_weeks("last_trained", rows.LastTrained)
TRAINED_WEEKS = _of_weeks("trained_weeks", rows.TrainedWeek)
RECORDS = _versioned("records", rows.Record, RECORDS_VERSION, "version_of_records")
TOP_WORKOUTS = _of_user("top_workouts", rows.Workout)
EXERCISES = _of_user("exercises", rows.Exercise)
PERFORMED_UNTIL = _of_user("performed_until", rows.Performed)
PERFORMED_WITHIN = _of_user("performed_within", rows.Performed)
WEEK_IN_FULL = _of_user("week_in_full", rows.WeekInFull)
CHANGES_SINCE = Query(_answer("changes_since", blocks()["version_of_changes"]), rows.ChangedWeek)
CHANGED_WEEKS = Query(blocks()["changed_weeks"], rows.ChangedWeek)
