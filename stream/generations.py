"""Generations: full builds of the state beside each other, of which one serves.

A generation has its own consumer group, internal topics, local state and tables. It is begun
as `building`, serves once it is switched to, is `kept` when the next one serves, and is dropped
some time after. The read store's table `tonnage.generation` is what everyone goes by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from stream.notices import CHANNEL, switch_notice
from stream.read_store import script
from stream.settings import Settings, SettingsError
from stream.topology import topics_of

Connection = psycopg.Connection[Any]

STATE_FORMAT = 1
"""Raised whenever a step's state or messages are read otherwise than before."""

_COLUMNS = "number, state, epoch, capture, publishes, built_from, created_at, served_at, kept_at"


class State(StrEnum):
    """What a generation is for."""

    BUILDING = "building"
    SERVING = "serving"
    KEPT = "kept"
    DROPPING = "dropping"


LIVE = (State.BUILDING, State.SERVING, State.KEPT)
"""Those whose workers run."""


@dataclass(frozen=True)
class Generation:
    """A row of `tonnage.generation`; `epoch` counts who served before, 0 before it ever did."""

    number: int
    state: State
    epoch: int
    capture: int
    publishes: bool
    built_from: dict[str, Any]
    created_at: datetime
    served_at: datetime | None
    kept_at: datetime | None

    @property
    def schema(self) -> str:
        """The schema of its tables."""
        return f"tonnage_g{self.number}"


def settings_of(settings: Settings, capture: int) -> Settings:
    """Return the settings with the names of a capture: its connector, slot and source topics.

    The first capture has the names that the settings say.
    """
    if not capture:
        return settings
    names = {"topic_prefix": "_", "slot_name": "_", "connector_name": "-"}
    return settings.model_copy(
        update={name: f"{getattr(settings, name)}{link}{capture}" for name, link in names.items()}
    )


def serving_settings(settings: Settings) -> Settings:
    """Return the settings with the names of the capture that feeds what serves.

    Without a read store, or before the first generation, they are the settings' own.
    """
    if settings.read_store_dsn is None:
        return settings
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        there = connection.execute("SELECT to_regclass('tonnage.published')").fetchone()
        found = serving(connection) if there and there[0] else None
    return settings_of(settings, found.capture if found else 0)


def built_from(settings: Settings) -> dict[str, Any]:
    """Return what a generation's figures depend on beside the source's rows."""
    return {
        "timezone": settings.timezone,
        "partitions": settings.partitions,
        "columns": settings.columns,
        "topics": list(topics_of(settings, 0).source.all),
        "state_format": STATE_FORMAT,
    }


def differing(settings: Settings, generation: Generation) -> list[str]:
    """Name what the generation was built from otherwise than these settings say."""
    wanted = built_from(settings_of(settings, generation.capture))
    held = generation.built_from
    return sorted(name for name in wanted if held.get(name) != wanted[name])


def check(settings: Settings, generation: Generation) -> None:
    """Raise SettingsError where a generation was built from other settings than these."""
    names = differing(settings, generation)
    if names:
        raise SettingsError(
            f"generation {generation.number} was built with other settings ({', '.join(names)}):"
            " run `tonnage stream reset` to build a new one, or set them back"
        )


def generations(connection: Connection) -> list[Generation]:
    """Return every generation, in the order of their numbers."""
    cursor = connection.cursor(row_factory=class_row(Generation))
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM tonnage.generation ORDER BY number".encode())  # noqa: S608 - our own names
    return [_typed(row) for row in rows]


def serving(connection: Connection) -> Generation | None:
    """Return the generation that serves; None before the first."""
    return next((each for each in generations(connection) if each.state == State.SERVING), None)


def by_number(connection: Connection, number: int) -> Generation:
    """Return a generation. Raises KeyError where there is none of this number."""
    return {each.number: each for each in generations(connection)}[number]


def _typed(row: Generation) -> Generation:
    return Generation(**{**vars(row), "state": State(row.state)})


def begin(connection: Connection, settings: Settings, capture: int | None = 0) -> Generation:
    """Make a new generation's row and tables, to be built from a capture's topics.

    None asks for a new capture: it gets the generation's own number, so that none is used twice.
    """
    with connection.transaction():
        cursor = connection.cursor(row_factory=class_row(Generation))
        taken = cursor.connection.execute("SELECT nextval('tonnage.generation_number')").fetchone()
        number = taken[0] if taken else 0
        capture = number if capture is None else capture
        row = cursor.execute(
            "INSERT INTO tonnage.generation (number, state, capture, built_from)"  # noqa: S608 - our own names
            f" VALUES (%s, 'building', %s, %s) RETURNING {_COLUMNS}".encode(),
            [number, capture, Jsonb(built_from(settings_of(settings, capture)))],
        ).fetchone()
        assert row is not None  # noqa: S101 - an INSERT that returns has a row
        connection.execute(script("generation.sql", row.schema))
    return _typed(row)


def make_tables(connection: Connection, number: int) -> None:
    """Make the tables of the generation that serves anew, empty: nothing is served from now on.

    Its sink finds that they have nothing, and fills them from what the generation has said.
    """
    schema = f"tonnage_g{number}"
    connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
    connection.execute(script("generation.sql", schema))
    connection.execute(script("serve.sql", schema))
    connection.execute("DELETE FROM tonnage.frontier WHERE generation = %s", [number])


def serve(connection: Connection, generation: Generation) -> None:
    """Point the views at a generation, and raise the serving epoch: one transaction.

    What served is kept, to be gone back to. Of another capture nothing is: it gets no changes
    any more, so that there is no way back, and its slot would hold back the primary's log.
    """
    with connection.transaction():
        connection.execute(script("serve.sql", generation.schema))
        connection.execute(
            "UPDATE tonnage.generation SET kept_at = coalesce(kept_at, now()),"
            " state = CASE WHEN capture = %s THEN 'kept' ELSE 'dropping' END"
            " WHERE state IN ('serving', 'kept') AND number <> %s",
            [generation.capture, generation.number],
        )
        connection.execute(
            "UPDATE tonnage.generation SET state = 'serving', served_at = now(), kept_at = NULL,"
            " publishes = true, epoch = (SELECT max(epoch) + 1 FROM tonnage.generation)"
            " WHERE number = %s",
            [generation.number],
        )
        connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, switch_notice(generation.number)])


def drop(connection: Connection, generation: Generation) -> None:
    """Say that a generation is not needed any more; its workers stop, then it is deleted."""
    connection.execute(
        "UPDATE tonnage.generation SET state = 'dropping' WHERE number = %s AND state <> 'serving'",
        [generation.number],
    )
