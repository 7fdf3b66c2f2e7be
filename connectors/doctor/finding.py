"""What the doctor finds: what is wrong, what it would break, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error breaks the capture, or its figures; a warning may, some day."""

    ERROR = "error"
    WARNING = "warning"


class Kind(StrEnum):
    """What can be wrong; Operations has a line for each."""

    PRIMARY = "primary"
    STANDBY = "standby"
    WAL_LEVEL = "wal-level"
    SLOTS_FULL = "slots-full"
    SENDERS_FULL = "senders-full"
    SLOT_PLUGIN = "slot-plugin"
    SLOT_LOST = "slot-lost"
    SLOT_AT_RISK = "slot-at-risk"
    SLOT_UNBOUNDED = "slot-unbounded"
    SLOT_NOT_FAILOVER = "slot-not-failover"
    TABLE_MISSING = "table-missing"
    REPLICA_IDENTITY = "replica-identity"
    PRIMARY_KEY = "primary-key"
    COLUMN = "column"
    ROLE_MISSING = "role-missing"
    ROLE_LOGIN = "role-login"
    ROLE_REPLICATION = "role-replication"
    SELECT = "select"
    HEARTBEAT_MISSING = "heartbeat-missing"
    HEARTBEAT_DENIED = "heartbeat-denied"
    PUBLICATION_MISSING = "publication-missing"
    PUBLICATION_LACKS = "publication-lacks"
    PUBLICATION_HAS = "publication-has"
    PUBLICATION_KINDS = "publication-kinds"
    CONNECT = "connect"
    CONNECT_REFUSES = "connect-refuses"
    CONNECTOR_MISSING = "connector-missing"
    CONNECTOR_FAILED = "connector-failed"
    CONNECTOR_PAUSED = "connector-paused"
    CONNECTOR_NOT_RUNNING = "connector-not-running"
    KAFKA = "kafka"
    TOPIC_MISSING = "topic-missing"
    TOPIC_PARTITIONS = "topic-partitions"
    TOPIC_CONFIG = "topic-config"
    READ_STORE = "read-store"
    READ_STORE_EMPTY = "read-store-empty"
    READ_STORE_DENIED = "read-store-denied"
    NOTHING_SERVES = "nothing-serves"
    CLOCK = "clock"

    def of(self, what: str) -> str:
        """Name a finding of this kind by what it is about."""
        return f"{self}:{what}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: its kind, and what it is about where there are several: the same for the same thing.
        what: what is wrong.
        breaks: what would happen.
        sql: statements for the primary that mend it, to be run in this order.
        command: a command that mends it.
        safe: whether `--fix` may do so by itself: nothing is dropped, restarted or lost.
    """

    name: str
    severity: Severity
    what: str
    breaks: str
    sql: tuple[str, ...] = ()
    command: str | None = None
    safe: bool = False

    @property
    def kind(self) -> Kind:
        """What kind of thing is wrong."""
        return Kind(self.name.partition(":")[0])
