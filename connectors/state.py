"""What can be seen of the capture from outside: in Kafka Connect and on the primary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row, scalar_row

from connectors.blocks import blocks
from connectors.causes import explain
from connectors.configuration import redact
from connectors.connect import Connect
from connectors.primary import connection
from stream.settings import Settings

MISSING = "MISSING"
RUNNING = "RUNNING"
FAILED = "FAILED"
PAUSED = "PAUSED"


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
class CaptureState:
    """The whole: connector, slot (None: there is none), published tables, heartbeat's age."""

    connector: ConnectorState
    slot: Slot | None
    publication: tuple[str, ...] | None
    heartbeat_age_seconds: float | None

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words; a paused connector is not."""
        return tuple(_problems(self))


def read_connector(settings: Settings, connect: Connect) -> ConnectorState:
    """Return what Connect says of the connector, without secrets. Raises ConnectorError."""
    found = connect.status()
    if found is None:
        return ConnectorState(MISSING)
    tasks = (Task(each["id"], each["state"], _why(each, settings)) for each in found["tasks"])
    connector = found["connector"]
    return ConnectorState(connector["state"], tuple(tasks), _why(connector, settings))


def read_state(settings: Settings, connect: Connect) -> CaptureState:
    """Return the state of the whole capture. Raises ConnectorError."""
    ask = blocks("inspect.sql")
    with connection(settings) as primary:
        slots = primary.cursor(row_factory=class_row(Slot))
        slot = slots.execute(ask["slot"], {"slot": settings.slot_name}).fetchone()
        values = primary.cursor(row_factory=scalar_row)
        published = values.execute(ask["publication"], {"publication": settings.publication})
        tables = [tuple(each or ()) for each in published]
        exists = values.execute(ask["heartbeat_exists"]).fetchone()
        age = values.execute(ask["heartbeat_age"]).fetchone() if exists else None
    connector = read_connector(settings, connect)
    return CaptureState(connector, slot, tables[0] if tables else None, age)


def _why(part: dict[str, Any], settings: Settings) -> str | None:
    if part["state"] != FAILED:
        return None
    return redact(explain(part.get("trace", ""), settings), settings)


def _problems(state: CaptureState) -> list[str]:
    problems = []
    connector, slot = state.connector, state.slot
    if connector.state == MISSING:
        problems.append("there is no connector: run `tonnage connector apply`")
    elif connector.failure:
        problems.append(connector.failure)
    elif not (connector.all_are(RUNNING) or connector.state in (PAUSED, "STOPPED")):
        problems.append(f"the connector is {connector.state} with {len(connector.tasks)} tasks")
    if state.publication is None:
        problems.append("the publication is missing: run `tonnage connector apply`")
    if slot is None:
        problems.append("there is no replication slot")
    elif slot.wal_status not in ("reserved", "extended"):
        problems.append(f"the replication slot's WAL is {slot.wal_status}")
    if state.heartbeat_age_seconds is None:
        problems.append("the heartbeat has no row: run `tonnage connector apply`")
    return problems
