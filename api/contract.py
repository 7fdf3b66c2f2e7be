"""The contract with the consumers of the public topics, as files.

One AsyncAPI document, and for each topic the JSON Schemas of a message's key, value and headers.
All of it is made from the types that are published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from api.asyncapi import CHANNELS, HEADERS, document
from api.compatibility import differing, incompatible
from api.schemas import DIALECT, standing_alone

Bundle = Mapping[str, Any]
"""JSON documents by the path of their file."""

ASYNCAPI = "asyncapi.json"
SCHEMAS = "schemas/"


def bundle() -> dict[str, Any]:
    """Return the documents by the paths at which they are published."""
    found: dict[str, Any] = {ASYNCAPI: document()}
    for channel in CHANNELS:
        folder = f"{SCHEMAS}{channel.topic}"
        found[f"{folder}/key.json"] = standing_alone(channel.key)
        found[f"{folder}/value.json"] = standing_alone(channel.value)
        found[f"{folder}/headers.json"] = {"$schema": DIALECT, **HEADERS}
    return found


def written(content: Any) -> str:
    """Return a document as its file holds it."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def broken(released: Bundle, now: Bundle) -> Iterator[str]:
    """Yield what is not compatible between two bundles, in either direction.

    Keys must be as they were: what a tombstone or a compaction takes away is found by them.
    """
    for path, old in released.items():
        if not path.startswith(SCHEMAS):
            continue
        what = path.removeprefix(SCHEMAS).removesuffix(".json").replace("/", " ")
        new = now.get(path)
        if new is None:
            yield f"{what}: is gone"
        elif path.endswith("/key.json"):
            if differing(old, new):
                yield f"{what}: is another one; a key never changes"
        else:
            yield from (f"{what}{each}" for each in incompatible(old, new))
