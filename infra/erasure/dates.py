"""By when what was before a deletion is gone from a topic, as the topic's own settings tell.

A segment is closed by the first record that is written to its partition once its oldest record
is as old as `max.compaction.lag.ms`, or `segment.ms`; only what is closed is compacted. So a
partition that nothing is written to keeps what it has, and each date holds from that record on.
A tombstone outlives the compaction that found it by `delete.retention.ms`, and goes with the
next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from kafka.admin import ConfigResource, ConfigResourceType

from stream.admin import kafka_admin
from stream.settings import Settings

FOREVER_MS = 2**63 - 1
"""Kafka's default of `max.compaction.lag.ms`: no bound."""


def configs_of(settings: Settings, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the settings of topics, defaults included. Raises TopicsError."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, each) for each in topics]
    with kafka_admin(settings) as admin:
        found = admin.describe_configs(wanted, config_filter="all")["topic"]
    return {
        topic: {name: str(each["value"]) for name, each in configs.items()}
        for topic, configs in found.items()
    }


def gone_by(configs: Mapping[str, str], now: datetime) -> str:
    """Say when older values, and then the keys, are gone from a topic with these settings."""
    policies = configs["cleanup.policy"].split(",")
    retention = int(configs["retention.ms"])
    kept = retention if "delete" in policies and retention >= 0 else FOREVER_MS
    lag = int(configs["max.compaction.lag.ms"]) if "compact" in policies else FOREVER_MS
    older, keys = min(lag, kept), min(2 * lag + int(configs["delete.retention.ms"]), kept)
    if "compact" not in policies and older >= FOREVER_MS:
        return "when it is processed"
    if older >= FOREVER_MS:
        return "no date: max.compaction.lag.ms is not set"
    return f"older values by {_date(now, older)}, keys by {_date(now, keys)}"


def _date(now: datetime, after_ms: int) -> str:
    """Return the last day on which something may be there yet."""
    return f"{now + timedelta(milliseconds=after_ms):%Y-%m-%d}"
