"""Giving memory back: what was fetched is large for a moment, and is not to be kept.

The C library keeps what is freed between two blocks that stay, until it is asked to let go of it.
Asking costs some milliseconds, now and then; to keep no large block at all costs every batch.
"""

from __future__ import annotations

import asyncio
import ctypes

PAUSE_SECONDS = 10.0


def give_back() -> None:
    """Give what is free to the system, where the C library is one that keeps it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def keep_giving_back() -> None:
    """Give back again and again, until cancelled."""
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.to_thread(give_back)
