"""Why the connector fails: what Debezium and Connect say, in words that tell what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stream.settings import Settings

_ROOT = "Caused by: "
"""How a Java trace opens each deeper cause; the last is the root."""


@dataclass(frozen=True)
class _Cause:
    said: str
    """A regular expression that finds the cause in what was said."""
    advice: str


_CAUSES = (
    _Cause(
        r"Publication autocreation is disabled|publication \"[^\"]*\" does not exist",
        "the publication {publication!r} is missing in the primary."
        " `tonnage connector apply` makes it and starts the connector again.",
    ),
    _Cause(
        r"replication slot \"[^\"]*\" is active for PID",
        "the replication slot {slot_name!r} is in use by another connection to the primary."
        " Stop that reader, or give this deployment a slot of its own by TONNAGE_SLOT_NAME.",
    ),
    _Cause(
        r"all replication slots are in use",
        "the primary has no free replication slot. Raise max_replication_slots there and restart"
        " it, or drop a slot that nobody uses.",
    ),
    _Cause(
        r"number of requested standby connections exceeds max_wal_senders",
        "the primary has no free WAL sender. Raise max_wal_senders there and restart it.",
    ),
    _Cause(
        r"password authentication failed|role \"[^\"]*\" does not exist|no password was provided",
        "the primary refuses the role {capture_user!r}: wrong password, or no such role."
        " `tonnage connector apply` sets both as TONNAGE_CAPTURE_USER and"
        " TONNAGE_CAPTURE_PASSWORD say.",
    ),
    _Cause(
        r"no pg_hba\.conf entry",
        "the primary's pg_hba.conf lets the role {capture_user!r} not in from where Kafka Connect"
        " runs. Allow it there, for the database and for replication.",
    ),
    _Cause(
        r"permission denied to (start WAL sender|use replication slots)"
        r"|must be superuser or replication role",
        "the role {capture_user!r} may not replicate. As superuser: ALTER ROLE {capture_user}"
        " REPLICATION (on a managed PostgreSQL, grant its replication role).",
    ),
    _Cause(
        r"permission denied for (table|schema)",
        "the role {capture_user!r} may not read the captured tables."
        " `tonnage connector apply` grants it.",
    ),
    _Cause(
        r"can no longer (get changes from|access) replication slot"
        r"|no longer available on the server"
        r"|requested WAL segment .* has already been removed",
        "the replication slot {slot_name!r} no longer holds the changes that are needed: some are"
        " lost. Rebuild from the source: `tonnage stream reset --from-source`.",
    ),
    _Cause(
        r"wal_level",
        "the primary's wal_level is not 'logical'. Set it there and restart that server.",
    ),
    _Cause(
        r"Connection to \S+ refused|UnknownHostException|The connection attempt failed",
        "Kafka Connect can't reach the primary: check that its host and port in TONNAGE_SOURCE_DSN"
        " hold from where Connect runs, and that the server is up.",
    ),
    _Cause(
        r"ProducerFenced|InvalidProducerEpoch",
        "another task took this one's place at the broker, as after a Kafka Connect that was cut"
        " off. `tonnage connector apply` starts it again; the watch does so by itself.",
    ),
    _Cause(
        r"exactly.once",
        "Kafka Connect does not run with exactly-once sources. Set"
        " exactly.once.source.support=enabled on its workers (rolling: `preparing` first).",
    ),
    _Cause(
        r"UnknownTopicOrPartition|not present in metadata after",
        "a topic that the connector fills is missing. `tonnage connector apply` makes it.",
    ),
)


def explain(said: str, settings: Settings) -> str:
    """Return what to do about an error, followed by what was said of it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    roots = [line for line in lines if line.startswith(_ROOT)]
    root = (roots[-1:] or lines[:1] or ["no reason given"])[0].removeprefix(_ROOT)
    for cause in _CAUSES:
        match = re.search(cause.said, said)
        if match:
            named = settings.model_dump(include={"publication", "slot_name", "capture_user"})
            line = next((each for each in lines if match[0] in each), root)
            return f"{cause.advice.format(**named)} ({_short(line.removeprefix(_ROOT))})"
    return _short(root)


def _short(line: str) -> str:
    """Return a line of at most 300 characters: what was said first, and how it ends."""
    return line if len(line) <= 300 else f"{line[:150]} … {line[-147:]}"
