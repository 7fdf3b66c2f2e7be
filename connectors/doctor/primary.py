"""The primary: its log, the slot, the publication, the capture's role, the tables."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from connectors.captured import captured_tables, published_tables
from connectors.doctor.finding import Finding, Kind, Severity
from connectors.doctor.seen import HEARTBEAT, Primary
from stream.settings import Settings

ERROR, WARNING = Severity.ERROR, Severity.WARNING

_FAILOVER_SLOTS = 170_000
_FROM_SOURCE = "tonnage stream reset --from-source"
_APPLY = "tonnage connector apply"


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
            Kind.STANDBY, ERROR, "the primary is a standby", "no heartbeat can be written there",
            command="set TONNAGE_SOURCE_DSN to the server that takes writes",
        )  # fmt: skip
    if found.wal_level != "logical":
        yield Finding(
            Kind.WAL_LEVEL,
            ERROR,
            f"wal_level is {found.wal_level}",
            "no change can be read from the log",
            ("ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server",),
        )
    if found.slot is None and found.slots >= found.max_slots:
        yield _raised(Kind.SLOTS_FULL, "replication slot", "max_replication_slots", found.max_slots)
    busy = found.slot is not None and found.slot.active
    if not busy and found.senders >= found.max_senders:
        yield _raised(Kind.SENDERS_FULL, "WAL sender", "max_wal_senders", found.max_senders)


def _raised(kind: Kind, what: str, setting: str, now: int) -> Finding:
    return Finding(
        kind,
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
            Kind.SLOT_PLUGIN,
            ERROR,
            f"the slot {settings.slot_name} decodes with {slot.plugin}, not with pgoutput",
            "the connector can't read from it",
            command="set TONNAGE_SLOT_NAME to a slot of its own",
        )
    if slot.wal_status == "lost":
        yield Finding(
            Kind.SLOT_LOST, ERROR, "the primary has removed WAL that the slot needed",
            "changes are missed", command=_FROM_SOURCE,
        )  # fmt: skip
    elif slot.wal_status == "unreserved":
        yield Finding(
            Kind.SLOT_AT_RISK,
            ERROR,
            f"the slot holds {slot.retained or 0:,.0f} bytes of WAL, more than the primary keeps",
            "the next checkpoint may remove what is still needed",
            ("ALTER SYSTEM SET max_slot_wal_keep_size = -1;", "SELECT pg_reload_conf();"),
        )
    if found.keep_size == "-1":
        yield Finding(
            Kind.SLOT_UNBOUNDED,
            WARNING,
            "max_slot_wal_keep_size is not set",
            "a connector that stands still for long fills the primary's disk",
            ("ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';", "SELECT pg_reload_conf();"),
        )
    if found.version >= _FAILOVER_SLOTS and not slot.failover:
        yield Finding(
            Kind.SLOT_NOT_FAILOVER,
            WARNING,
            "no standby takes the slot along (failover = false)",
            "after a failover changes are missed, and everything is rebuilt from the source",
            command=_made_failover(settings),
        )


def _made_failover(settings: Settings) -> str:
    """Alter the slot as only a replication connection can, and only while nothing reads it."""
    alter = f"ALTER_REPLICATION_SLOT {_quoted(settings.slot_name)} (FAILOVER true)"
    login = '--user "$TONNAGE_CONNECT_USER:$TONNAGE_CONNECT_PASSWORD" '
    trust = '--cacert "$TONNAGE_CONNECT_CA" '
    return (
        f"curl {trust if settings.connect_ca else ''}{login if settings.connect_user else ''}"
        f"-fX PUT {settings.connect_url}/connectors/{settings.connector_name}/stop"
        f" && psql \"$TONNAGE_SOURCE_DSN?replication=database\" -c '{alter}'"
        " && tonnage connector resume"
    )


def _tables(found: Primary, settings: Settings) -> Iterator[Finding]:
    for table in captured_tables(settings):
        name, there = table.qualified, found.tables[table.qualified]
        if not there.exists:
            yield Finding(
                Kind.TABLE_MISSING.of(name), ERROR, f"there is no table {name}",
                "it can't be captured", command=f"set {table.setting} to its name",
            )  # fmt: skip
            continue
        if there.identity == "n":
            yield Finding(
                Kind.REPLICA_IDENTITY.of(name),
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
                Kind.PRIMARY_KEY.of(name),
                ERROR,
                f"{name}'s primary key is {key}",
                f"a row is told by one integer, {table.id_column}",
                command="a table with another key can't be captured",
            )
        for column, kind in there.unfit.items():
            wanted = " or ".join(table.types[column])
            what = f"there is no {name}.{column}" if kind is None else f"{name}.{column} is {kind}"
            yield Finding(
                Kind.COLUMN.of(f"{name}.{column}"),
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
            Kind.ROLE_MISSING, ERROR, f"there is no role {settings.capture_user}",
            "the connector can't log in", command=_APPLY, safe=True,
        )  # fmt: skip
        return
    if not role.login:
        yield Finding(
            Kind.ROLE_LOGIN, ERROR, f"the role {settings.capture_user} may not log in",
            "the connector can't log in", (f"ALTER ROLE {user} LOGIN;",), safe=True,
        )  # fmt: skip
    if not (role.replication or role.super):
        yield Finding(
            Kind.ROLE_REPLICATION, ERROR, f"the role {settings.capture_user} may not replicate",
            "the connector can't read the log", (f"ALTER ROLE {user} REPLICATION;",), safe=True,
        )  # fmt: skip


def _privileges(found: Primary, settings: Settings) -> Iterator[Finding]:
    user = _quoted(settings.capture_user)
    heartbeat = found.tables[HEARTBEAT]
    if not heartbeat.exists:
        yield Finding(
            Kind.HEARTBEAT_MISSING, ERROR, f"there is no table {HEARTBEAT}",
            "while the captured tables are quiet the slot holds all WAL back",
            command=_APPLY, safe=True,
        )  # fmt: skip
    if found.role is None:
        return
    for schema, name in published_tables(settings):
        there = found.tables[f"{schema}.{name}"]
        if there.exists and not there.readable:
            yield Finding(
                Kind.SELECT.of(f"{schema}.{name}"),
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
            Kind.HEARTBEAT_DENIED,
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
            Kind.PUBLICATION_MISSING, ERROR, f"there is no publication {settings.publication}",
            "no change is sent", command=_APPLY, safe=True,
        )  # fmt: skip
        return
    for lacking in sorted(tables.keys() - set(found.publication.tables)):
        yield Finding(
            Kind.PUBLICATION_LACKS.of(lacking),
            ERROR,
            f"the publication {settings.publication} lacks {lacking}",
            "its changes are missed, and nothing says so",
            (f"ALTER PUBLICATION {name} ADD TABLE {_quoted(*tables[lacking])};",),
            safe=True,
        )
    for other in sorted(set(found.publication.tables) - tables.keys()):
        yield Finding(
            Kind.PUBLICATION_HAS.of(other),
            WARNING,
            f"the publication {settings.publication} has {other}, too",
            "its changes are read and thrown away",
            (f"ALTER PUBLICATION {name} DROP TABLE {_quoted(*other.split('.', 1))};",),
        )
    kinds = (found.publication.inserts, found.publication.updates, found.publication.deletes)
    if not all(kinds):
        yield Finding(
            Kind.PUBLICATION_KINDS,
            ERROR,
            f"the publication {settings.publication} leaves inserts, updates or deletes out",
            "they are missed, and nothing says so",
            (f"ALTER PUBLICATION {name} SET (publish = 'insert, update, delete');",),
            safe=True,
        )


def _quoted(*names: str) -> str:
    return sql.Identifier(*names).as_string(None)
