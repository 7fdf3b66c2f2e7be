"""Take a capture back: its connector, its slot, its source topics; the publication stays."""

from __future__ import annotations

from kafka import KafkaAdminClient
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.primary import connection
from connectors.state import read_slot
from stream.admin import kafka_admin
from stream.settings import Settings
from stream.topics import capture_topics

_RELEASE_SECONDS = 10
"""How long a connector that was deleted may hold its slot; one that hangs would for minutes."""

_END_READER = """
SELECT pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots
WHERE slot_name = %s AND active
"""


def retire(settings: Settings) -> list[str]:
    """Delete what a capture has left in Connect, the primary and Kafka; return what was there.

    Raises ConnectorError, TopicsError.
    """
    connect = Connect.of(settings)
    gone = []
    if connect.config() is not None:
        connect.delete()
        gone.append(f"connector {settings.connector_name}")
    if _drop_slot(settings):
        gone.append(f"slot {settings.slot_name}")
    with kafka_admin(settings) as admin:
        gone += _delete_topics(admin, [spec.name for spec in capture_topics(settings)])
    return gone


def _drop_slot(settings: Settings) -> bool:
    """Drop the slot, if there is one; end who still reads from it in the end."""
    released = Retrying(
        retry=retry_if_exception_type(ConnectorError),
        stop=stop_after_delay(_RELEASE_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    try:
        return released(_try_to_drop, settings)
    except ConnectorError:
        with connection(settings) as primary:
            primary.execute(_END_READER, [settings.slot_name])
        return released(_try_to_drop, settings)


def _try_to_drop(settings: Settings) -> bool:
    with connection(settings) as primary:
        if read_slot(settings, primary) is None:
            return False
        primary.execute("SELECT pg_drop_replication_slot(%s)", [settings.slot_name])
    return True


def _delete_topics(admin: KafkaAdminClient, names: list[str]) -> list[str]:
    there = set(admin.list_topics()).intersection(names)
    if there:
        admin.delete_topics(list(there))
    return [f"topic {name}" for name in sorted(there)]
