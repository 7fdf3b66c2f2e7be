"""Deletes records between steps once they are processed: by position, never by age."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError

from stream.brokers import Brokers

log = logging.getLogger(__name__)

TRIM_SECONDS = 60.0


async def trim(brokers: Brokers, group: str, topics: Sequence[str]) -> None:
    """Delete what the group has committed of these topics."""
    admin = AIOKafkaAdminClient(**brokers.client)
    await admin.start()
    try:
        committed = await admin.list_consumer_group_offsets(group)
        processed = {
            tp: RecordsToDelete(before_offset=meta.offset)
            for tp, meta in committed.items()
            if tp.topic in topics and meta.offset > 0
        }
        if processed:
            await admin.delete_records(processed)
    finally:
        await admin.close()


async def keep_trimming(
    brokers: Brokers, group: str, topics: Sequence[str], leads: Callable[[], bool]
) -> None:
    """Trim now and then, while this worker leads; go on until cancelled."""
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        if not leads():
            continue
        try:
            await trim(brokers, group, topics)
        except (KafkaError, OSError) as error:
            log.warning("the logs between steps are not trimmed: %s", error)
