"""Makes aiokafka's client pause where it finds no broker.

Its sender and its fetcher ask for the leader of a partition that has none again at once: while the
only broker is stopped, thousands of times a second, each with two lines in the log.
"""
# ruff: noqa: SLF001 - aiokafka 0.14.0 has no seam there

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.client import AIOKafkaClient

PAUSE_SECONDS = 0.5


def pace(client: AIOKafkaClient) -> None:
    """Let each look for the cluster that finds nothing take a moment: whoever asked waits."""
    update = client._metadata_update

    async def paced(*args: Any) -> bool:
        found: bool = await update(*args)
        if not found:
            await asyncio.sleep(PAUSE_SECONDS)
        return found

    client._metadata_update = paced
