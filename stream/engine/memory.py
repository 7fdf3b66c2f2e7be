"""Giving memory back: what was fetched is large for a moment, and is not to be kept.

The C library takes a large block from the system for itself and gives it back when it is freed,
until it has seen some freed: then it keeps blocks of up to 32 MiB for the next, in pieces.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of mallopt(3)."""

_LARGE_BYTES = 256 << 10
_KEPT_BYTES = 1 << 20


def give_back_large_blocks() -> None:
    """Let large blocks go when they are freed, where the C library is one that keeps them."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
