"""LSN: a position in PostgreSQL's write-ahead log."""

from __future__ import annotations


def parse_lsn(text: str) -> int:
    """Read `16/B374D848`. Raises ValueError for anything else."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not an LSN such as 0/16B6C50")
    return (int(high, 16) << 32) | int(low, 16)


def format_lsn(lsn: int) -> str:
    """Write an LSN as PostgreSQL does."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
