"""The primary: its log, the slot, the publication, the capture's role, the tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from connectors.blocks import blocks
from connectors.captured import (
    HEARTBEAT_SCHEMA,
    HEARTBEAT_TABLE,
    captured_tables,
    published_tables,
)
from connectors.doctor.finding import Finding, Severity
from stream.settings import Settings

ERROR, WARNING = Severity.ERROR, Severity.WARNING

HEARTBEAT = f"{HEARTBEAT_SCHEMA}.{HEARTBEAT_TABLE}"
_FAILOVER_SLOTS = 170_000
_FROM_SOURCE = "tonnage stream reset --from-source"
_APPLY = "tonnage connector apply"


class Slot(msgspec.Struct, frozen=True):
    """The replication slot; `retained` is in bytes, `failover` None before PostgreSQL 17."""

    wal_status: str | None
    active: bool
    plugin: str | None
    failover: bool | None
    retained: float | None


class Publication(msgspec.Struct, frozen=True):
    """What is published, and of which tables."""

    inserts: bool
    updates: bool
    deletes: bool
    tables: list[str]


class Role(msgspec.Struct, frozen=True):
    """The attributes of the capture's role."""

    login: bool
    replication: bool
    super: bool


class Table(msgspec.Struct, frozen=True):
    """A table as the capture finds it; `key` has the columns and types of the primary key."""

    exists: bool
    identity: str | None
    key: list[tuple[str, str]]
    readable: bool
    writable: bool
    unfit: dict[str, str | None]


class Primary(msgspec.Struct, frozen=True):
    """All that is looked at."""

    version: int
    wal_level: str
    in_recovery: bool
    max_slots: int
    slots: int
    max_senders: int
    senders: int
    keep_size: str
    now: datetime
    slot: Slot | None
    publication: Publication | None
    role: Role | None
    tables: dict[str, Table]


def read(primary: psycopg.Connection[Any], settings: Settings) -> Primary:
    """Read what is looked at. Raises psycopg.Error."""
    expected = {
        each.qualified: {**asdict(each), "columns": each.types}
        for each in captured_tables(settings)
    }
    expected[HEARTBEAT] = {"schema": HEARTBEAT_SCHEMA, "name": HEARTBEAT_TABLE, "columns": {}}
    row = (
        primary.cursor(row_factory=dict_row)
        .execute(
            blocks("doctor.sql")["primary"],
            {
                "slot": settings.slot_name,
                "publication": settings.publication,
                "user": settings.capture_user,
                "tables": Jsonb(expected),
            },
        )
        .fetchone()
    )
    return msgspec.convert(row, Primary)


def check(found: Primary, settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the primary."""
    yield from _server(found)
    yield from _slot(found, settings)
    yield from _tables(found, settings)
    yield from _role(found, settings)
    yield from _privileges(found, settings)
    yield from _publication(found, settings)


def _server(found: Primary) -> Iterator[Finding]:
    if found.in_recovery:
        yield Finding(
            "standby", ERROR, "the primary is a standby", "no heartbeat can be written there",
            command="set TONNAGE_SOURCE_DSN to the server that takes writes",
        )  # fmt: skip
    if found.wal_level != "logical":
        yield Finding(
            "wal-level",
            ERROR,
            f"wal_level is {found.wal_level}",
            "no change can be read from the log",
            ("ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server",),
        )
    if found.slot is None and found.slots >= found.max_slots:
        yield _raised("slots-full", "replication slot", "max_replication_slots", found.max_slots)
    busy = found.slot is not None and found.slot.active
    if not busy and found.senders >= found.max_senders:
        yield _raised("senders-full", "WAL sender", "max_wal_senders", found.max_senders)


def _raised(name: str, what: str, setting: str, now: int) -> Finding:
    return Finding(
        name,
        ERROR,
        f"there is no free {what} ({setting} = {now})",
        "the connector can't begin to read",
        (f"ALTER SYSTEM SET {setting} = {now + 4}; -- then restart the server",),
    )


def _slot(found: Primary, settings: Settings) -> Iterator[Finding]:
    slot = found.slot
    if slot is None:
        return
    if slot.plugin != "pgoutput":
        yield Finding(
            "slot-plugin",
            ERROR,
            f"the slot {settings.slot_name} decodes with {slot.plugin}, not with pgoutput",
            "the connector can't read from it",
            command="set TONNAGE_SLOT_NAME to a slot of its own",
        )
    if slot.wal_status == "lost":
        yield Finding(
            "slot-lost", ERROR, "the primary has removed WAL that the slot needed",
            "changes are missed", command=_FROM_SOURCE,
        )  # fmt: skip
    elif slot.wal_status == "unreserved":
        yield Finding(
            "slot-at-risk",
            ERROR,
            f"the slot holds {slot.retained or 0:,.0f} bytes of WAL, more than the primary keeps",
            "the next checkpoint may remove what is still needed",
            ("ALTER SYSTEM SET max_slot_wal_keep_size = -1;", "SELECT pg_reload_conf();"),
        )
    if found.keep_size == "-1":
        yield Finding(
            "slot-unbounded",
            WARNING,
            "max_slot_wal_keep_size is not set",
            "a connector that stands still for long fills the primary's disk",
            ("ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';", "SELECT pg_reload_conf();"),
        )
    if found.version >= _FAILOVER_SLOTS and not slot.failover:
        yield Finding(
            "slot-not-failover",
            WARNING,
            "no standby takes the slot along (failover = false)",
            "after a failover changes are missed, and everything is rebuilt from the source",
            command="see Operations, High availability",
        )


def _tables(found: Primary, settings: Settings) -> Iterator[Finding]:
    for table in captured_tables(settings):
        name, there = table.qualified, found.tables[table.qualified]
        if not there.exists:
            yield Finding(
                f"table-missing:{name}", ERROR, f"there is no table {name}",
                "it can't be captured", command=f"set {table.setting} to its name",
            )  # fmt: skip
            continue
        if there.identity == "n":
            yield Finding(
                f"replica-identity:{name}",
                ERROR,
                f"{name} has no replica identity",
                "PostgreSQL refuses the app's updates and deletes of a published table",
                (f"ALTER TABLE {_quoted(table.schema, table.name)} REPLICA IDENTITY DEFAULT;",),
                safe=True,
            )
        types = table.types[table.id_column]
        if [column for column, _ in there.key] != [table.id_column] or there.key[0][1] not in types:
            key = ", ".join(f"{column} {kind}" for column, kind in there.key) or "none"
            yield Finding(
                f"primary-key:{name}",
                ERROR,
                f"{name}'s primary key is {key}",
                f"a row is told by one integer, {table.id_column}",
                command="a table with another key can't be captured",
            )
        for column, kind in there.unfit.items():
            wanted = " or ".join(table.types[column])
            what = f"there is no {name}.{column}" if kind is None else f"{name}.{column} is {kind}"
            yield Finding(
                f"column:{name}.{column}",
                ERROR,
                f"{what}, and {wanted} is expected",
                "rows can't be read",
                command="set TONNAGE_COLUMNS to the column's name, or give it back its type",
            )


def _role(found: Primary, settings: Settings) -> Iterator[Finding]:
    user = _quoted(settings.capture_user)
    role = found.role
    if role is None:
        yield Finding(
            "role-missing", ERROR, f"there is no role {settings.capture_user}",
            "the connector can't log in", command=_APPLY, safe=True,
        )  # fmt: skip
        return
    if not role.login:
        yield Finding(
            "role-login", ERROR, f"the role {settings.capture_user} may not log in",
            "the connector can't log in", (f"ALTER ROLE {user} LOGIN;",), safe=True,
        )  # fmt: skip
    if not (role.replication or role.super):
        yield Finding(
            "role-replication", ERROR, f"the role {settings.capture_user} may not replicate",
            "the connector can't read the log", (f"ALTER ROLE {user} REPLICATION;",), safe=True,
        )  # fmt: skip


def _privileges(found: Primary, settings: Settings) -> Iterator[Finding]:
    user = _quoted(settings.capture_user)
    heartbeat = found.tables[HEARTBEAT]
    if not heartbeat.exists:
        yield Finding(
            "heartbeat-missing", ERROR, f"there is no table {HEARTBEAT}",
            "while the captured tables are quiet the slot holds all WAL back",
            command=_APPLY, safe=True,
        )  # fmt: skip
    if found.role is None:
        return
    for schema, name in published_tables(settings):
        there = found.tables[f"{schema}.{name}"]
        if there.exists and not there.readable:
            yield Finding(
                f"select:{schema}.{name}",
                ERROR,
                f"the role {settings.capture_user} may not read {schema}.{name}",
                "the connector fails at its snapshot",
                (
                    f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO {user};",
                    f"GRANT SELECT ON {_quoted(schema, name)} TO {user};",
                ),
                safe=True,
            )
    if heartbeat.exists and not heartbeat.writable:
        yield Finding(
            "heartbeat-denied",
            ERROR,
            f"the role {settings.capture_user} may not write {HEARTBEAT}",
            "the connector runs and is silent: the slot holds all WAL back",
            (f"GRANT SELECT, UPDATE ON {HEARTBEAT} TO {user};",),
            safe=True,
        )


def _publication(found: Primary, settings: Settings) -> Iterator[Finding]:
    name = _quoted(settings.publication)
    tables = {f"{schema}.{table}": (schema, table) for schema, table in published_tables(settings)}
    if found.publication is None:
        yield Finding(
            "publication-missing", ERROR, f"there is no publication {settings.publication}",
            "no change is sent", command=_APPLY, safe=True,
        )  # fmt: skip
        return
    for lacking in sorted(tables.keys() - set(found.publication.tables)):
        yield Finding(
            f"publication-lacks:{lacking}",
            ERROR,
            f"the publication {settings.publication} lacks {lacking}",
            "its changes are missed, and nothing says so",
            (f"ALTER PUBLICATION {name} ADD TABLE {_quoted(*tables[lacking])};",),
            safe=True,
        )
    for other in sorted(set(found.publication.tables) - tables.keys()):
        yield Finding(
            f"publication-has:{other}",
            WARNING,
            f"the publication {settings.publication} has {other}, too",
            "its changes are read and thrown away",
            (f"ALTER PUBLICATION {name} DROP TABLE {_quoted(*other.split('.', 1))};",),
        )
    kinds = (found.publication.inserts, found.publication.updates, found.publication.deletes)
    if not all(kinds):
        yield Finding(
            "publication-kinds",
            ERROR,
            f"the publication {settings.publication} leaves inserts, updates or deletes out",
            "they are missed, and nothing says so",
            (f"ALTER PUBLICATION {name} SET (publish = 'insert, update, delete');",),
            safe=True,
        )


def _quoted(*names: str) -> str:
    return sql.Identifier(*names).as_string(None)
