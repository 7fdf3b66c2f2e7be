"""What can be seen of the capture from outside: in Kafka Connect and on the primary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row, scalar_row

from connectors.blocks import blocks
from connectors.captured import published_tables
from connectors.causes import explain
from connectors.configuration import redact
from connectors.connect import Connect
from connectors.primary import connection
from stream.settings import Settings

MISSING = "MISSING"
RUNNING = "RUNNING"
FAILED = "FAILED"
PAUSED = "PAUSED"
STOPPED = "STOPPED"

_HEARTBEAT_LATE_SECONDS = 15
_APPLY = "run `tonnage connector apply`"


@dataclass(frozen=True)
class Task:
    """One task of the connector; `error` says why a failed one failed."""

    number: int
    state: str
    error: str | None = None


@dataclass(frozen=True)
class ConnectorState:
    """The connector as Kafka Connect sees it; `state` is MISSING where there is none."""

    state: str
    tasks: tuple[Task, ...] = ()
    error: str | None = None

    def all_are(self, state: str) -> bool:
        """Tell whether the connector and its tasks, at least one, are all in `state`."""
        return self.state == state and {task.state for task in self.tasks} == {state}

    @property
    def failure(self) -> str | None:
        """Why the connector or a task failed; None when none did."""
        errors = (self.error, *(task.error for task in self.tasks))
        return next(filter(None, errors), None)


@dataclass(frozen=True)
class Slot:
    """The replication slot; LSNs as PostgreSQL writes them, sizes in bytes."""

    slot_name: str
    database: str
    plugin: str
    active: bool
    active_pid: int | None
    wal_status: str
    restart_lsn: str | None
    confirmed_flush_lsn: str | None
    retained_bytes: int | None
    safe_wal_size: int | None


@dataclass(frozen=True)
class PrimaryState:
    """What the primary has of the capture; `wal_end` is how much WAL it has ever written."""

    slot: Slot | None
    publication: tuple[str, ...] | None
    heartbeat_age_seconds: float | None
    wal_end: int


@dataclass(frozen=True)
class CaptureState:
    """The whole: connector, slot (None: there is none), published tables, heartbeat's age."""

    connector: ConnectorState
    slot: Slot | None
    publication: tuple[str, ...] | None
    heartbeat_age_seconds: float | None
    problems: tuple[str, ...]
    """What is wrong, in words; a paused connector is not."""


def read_connector(settings: Settings, connect: Connect) -> ConnectorState:
    """Return what Connect says of the connector, without secrets. Raises ConnectorError."""
    found = connect.status()
    if found is None:
        return ConnectorState(MISSING)
    tasks = (Task(each["id"], each["state"], _why(each, settings)) for each in found["tasks"])
    connector = found["connector"]
    return ConnectorState(connector["state"], tuple(tasks), _why(connector, settings))


def read_slot(settings: Settings, primary: psycopg.Connection[Any]) -> Slot | None:
    """Return where the replication slot stands; None where there is none."""
    cursor = primary.cursor(row_factory=class_row(Slot))
    question = blocks("inspect.sql")["slot"]
    return cursor.execute(question, {"slot": settings.slot_name}).fetchone()


def read_primary(settings: Settings) -> PrimaryState:
    """Return what the primary has of the capture. Raises ConnectorError."""
    ask = blocks("inspect.sql")
    with connection(settings) as primary:
        slot = read_slot(settings, primary)
        values = primary.cursor(row_factory=scalar_row)
        published = values.execute(ask["publication"], {"publication": settings.publication})
        tables = [tuple(each or ()) for each in published]
        exists = values.execute(ask["heartbeat_exists"]).fetchone()
        age = values.execute(ask["heartbeat_age"]).fetchone() if exists else None
        [wal_end] = values.execute(ask["wal_end"])
    return PrimaryState(slot, tables[0] if tables else None, age, wal_end)


def read_state(settings: Settings, connect: Connect) -> CaptureState:
    """Return the state of the whole capture. Raises ConnectorError."""
    primary = read_primary(settings)
    connector = read_connector(settings, connect)
    slot, publication = primary.slot, primary.publication
    age = primary.heartbeat_age_seconds
    problems = (
        *_connector_problems(connector),
        *_publication_problems(publication, settings),
        *_slot_problems(slot),
        *_heartbeat_problems(age, connector, settings),
    )
    return CaptureState(connector, slot, publication, age, problems)


def _why(part: dict[str, Any], settings: Settings) -> str | None:
    if part["state"] != FAILED:
        return None
    return redact(explain(part.get("trace", ""), settings), settings)


def _connector_problems(connector: ConnectorState) -> Iterator[str]:
    if connector.state == MISSING:
        yield f"there is no connector: {_APPLY}"
    elif connector.failure:
        yield connector.failure
    elif connector.state not in (PAUSED, STOPPED) and not connector.all_are(RUNNING):
        tasks = ", ".join(task.state for task in connector.tasks) or "none"
        yield f"the connector is {connector.state}, its tasks: {tasks}"


def _publication_problems(publication: tuple[str, ...] | None, settings: Settings) -> Iterator[str]:
    if publication is None:
        yield f"the publication {settings.publication!r} is missing: {_APPLY}"
        return
    for schema, table in published_tables(settings):
        if f"{schema}.{table}" not in publication:
            yield f"the publication {settings.publication!r} lacks {schema}.{table}: {_APPLY}"


def _slot_problems(slot: Slot | None) -> Iterator[str]:
    if slot is None:
        yield "there is no replication slot"
    elif slot.wal_status not in ("reserved", "extended"):
        yield f"the primary keeps the slot's WAL no longer (wal_status {slot.wal_status})"


def _heartbeat_problems(
    age: float | None, connector: ConnectorState, settings: Settings
) -> Iterator[str]:
    late = max(_HEARTBEAT_LATE_SECONDS, 5 * settings.heartbeat_interval_ms / 1000)
    if age is None:
        yield f"the heartbeat's row is missing: {_APPLY}"
    elif age > late and connector.all_are(RUNNING):
        yield (
            f"the heartbeat was written {age:.0f} s ago: the connector runs in name, but fails and"
            " tries again, or may not write its heartbeat. Kafka Connect's log says why."
        )
