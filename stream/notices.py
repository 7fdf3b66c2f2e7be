"""What the read store tells its listeners: which weeks have changed, as they change.

The sink notifies in the transaction that writes the weeks, so that whoever hears of a week
reads it as it is now. The API listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

CHANNEL = "tonnage_weeks"

_MOST_BYTES = 7_999  # PostgreSQL's limit


class Notice(msgspec.Struct, array_like=True, frozen=True):
    """Weeks of a generation as (user id, `2026-W47`); none when another generation serves now."""

    generation: int
    weeks: list[tuple[int, str]] = []


class _Key(msgspec.Struct, frozen=True):
    user_id: int
    week: str


_decode_key = msgspec.json.Decoder(_Key).decode
_encode = msgspec.json.Encoder().encode
decode_notice = msgspec.json.Decoder(Notice).decode
"""Read a notice. Raises msgspec.DecodeError for anything else."""


def switch_notice(generation: int) -> str:
    """Write that another generation serves now."""
    return _encode(Notice(generation)).decode()


def notices(generation: int, keys: Iterable[bytes]) -> Iterator[str]:
    """Write the keys of changed weeks as payloads, each as long as PostgreSQL takes."""
    head = b"[%d,[" % generation
    parts: list[bytes] = []
    size = len(head) + 2
    for key in keys:
        found = _decode_key(key)
        part = _encode((found.user_id, found.week))
        if size + len(part) + 1 > _MOST_BYTES:
            yield (head + b",".join(parts) + b"]]").decode()
            parts, size = [], len(head) + 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield (head + b",".join(parts) + b"]]").decode()
