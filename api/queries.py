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
    """What a statement found: rows, freshness, and how many rows of the source are left out."""

    freshness: Freshness | None
    quarantined: int
    rows: list[Row]


class Query(Generic[Row]):
    """A statement that answers one JSON text, and the decoder of that."""

    def __init__(self, sql: str, row: type[Row]) -> None:
        self.sql = sql.encode()
        self.decode = msgspec.json.Decoder(Found[row]).decode  # type: ignore[valid-type]


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


def _of_user(name: str, row: type[Row]) -> Query[Row]:
    return Query(blocks()["answer"].replace("{rows}", blocks()[name]), row)


HEALTH: Query[None] = Query(blocks()["health"], type(None))
FRESHNESS: Query[None] = Query(blocks()["freshness"], type(None))
WEEKLY_VOLUME = _of_user("weekly_volume", rows.VolumeOfWeek)
MUSCLE_GROUPS = _of_user("muscle_groups", rows.VolumeOfGroup)
WEEKLY_GROUPS = _of_user("weekly_groups", rows.GroupsOfWeek)
WEEK = _of_user("week", rows.StatsOfWeek)
LAST_TRAINED = _of_user("last_trained", rows.LastTrained)
TRAINED_WEEKS = _of_user("trained_weeks", rows.TrainedWeek)
TOP_WORKOUTS = _of_user("top_workouts", rows.Workout)
RECORDS = _of_user("records", rows.Record)
EXERCISES = _of_user("exercises", rows.Exercise)
