"""What is nobody's: what generations, interrupted fillings and rebuilds have left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from infra.erasure.place import Place
from stream.first import left_in_kafka
from stream.generations import LIVE, Connection, Generation
from stream.read_store import fresh_schema
from stream.settings import Settings

_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^tonnage_g[0-9]+' ORDER BY 1"
_UNKNOWN = "it may have values of anybody, and nothing clears it away"
_DROPPED = "it is being dropped: run this again when it is gone"


def leftovers(
    settings: Settings, connection: Connection, known: Sequence[Generation], user: int
) -> Iterator[Place]:
    """Yield what is there beside the live generations.

    No reset may be at work: what one that was interrupted had begun to fill is dropped here.
    """
    states = {each.number: each.state for each in known}
    for number in sorted(left_in_kafka(settings) - {n for n in states if states[n] in LIVE}):
        why = _DROPPED if number in states else _UNKNOWN
        yield Place(f"tonnage.g{number}.*", 0, (why,), "delete these topics")
    own = {each.schema for each in known}
    for (name,) in connection.execute(_SCHEMAS).fetchall():
        if name in map(fresh_schema, own):
            connection.execute(f"DROP SCHEMA {name} CASCADE".encode())
            yield Place(name, 0, (), "dropped now", purged=1)
        elif name not in own:
            yield Place(name, 0, (_UNKNOWN,), f"DROP SCHEMA {name} CASCADE")
    for file in sorted((settings.home / "rebuilds").glob("*.jsonl")):
        with file.open() as lines:
            mine = sum(_names(user, json.loads(line)) for line in lines)
        if mine:
            values = (f"{mine} differences that a rebuild has listed",)
            yield Place(str(file), 0, values, "delete this file")


def _names(user: int, difference: dict[str, Any]) -> bool:
    parts = (difference[each] or {} for each in ("key", "before", "after"))
    return any(user in (part.get("user_id"), part.get("owner_id")) for part in parts)
