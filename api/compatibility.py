"""Whether two JSON Schemas take each other's values: the rule by which public topics may evolve.

A topic that is compacted holds values of every release at once, and its readers are of every
release, too. So a schema must read what each released one has written, and each released one must
read what it writes. What is left is this: fields may be added, as optional ones. The schemas are
open: a reader leaves out the fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_TELLING = frozenset(
    {"title", "description", "examples", "default", "deprecated"}
    | {"$comment", "$schema", "$id", "$defs"}
)
"""Keywords that restrict no value."""

_FOLLOWED = frozenset({"type", "properties", "required", "additionalProperties", "items"})


def incompatible(old: Schema, new: Schema) -> list[str]:
    """Return what keeps one of two schemas from reading the other's values, by its place.

    A place is `.field`, `[]` for the elements of a list and `.*` for the values of a map.
    """
    return list(_compare(_resolved(old, old), _resolved(new, new), ""))


def differing(old: Schema, new: Schema) -> bool:
    """Say whether two schemas take other values than each other, however they are written."""
    return bool(_resolved(old, old) != _resolved(new, new))


def _resolved(schema: Any, root: Schema) -> Any:
    """Return a schema with its references followed, and without what only tells."""
    if isinstance(schema, list):
        return [_resolved(each, root) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved(target, root)
    found = {}
    for name, value in schema.items():
        if name == "properties":
            found[name] = {field: _resolved(each, root) for field, each in value.items()}
        elif name not in _TELLING:
            found[name] = _resolved(value, root)
    return found


def _alternatives(schema: Schema) -> dict[str, Schema]:
    """Return what a value may be, by its JSON type."""
    if "anyOf" in schema:
        return {kind: each for one in schema["anyOf"] for kind, each in _alternatives(one).items()}
    types = schema.get("type", "any")
    return dict.fromkeys(types if isinstance(types, list) else [types], schema)


def _compare(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, now = _alternatives(old), _alternatives(new)
    for kind in before.keys() - now.keys():
        yield f"{place}: can't be {kind} any more, which values that were written may be"
    for kind in now.keys() - before.keys():
        yield f"{place}: can be {kind} now, which readers of before don't take"
    for kind in sorted(before.keys() & now.keys()):
        yield from _compare_kind(before[kind], now[kind], place)


def _compare_kind(old: Schema, new: Schema, place: str) -> Iterator[str]:
    yield from _fields(old, new, place)
    for name, part in (("additionalProperties", ".*"), ("items", "[]")):
        yield from _parts(old.get(name, True), new.get(name, True), f"{place}{part}")
    if "enum" in old and "enum" in new:
        yield from _names(set(old["enum"]), set(new["enum"]), place)
    others = (old.keys() | new.keys()) - _FOLLOWED - {"anyOf"}
    for name in sorted(others - ({"enum"} if "enum" in old and "enum" in new else set())):
        if old.get(name) != new.get(name):
            yield f"{place}: `{name}` was {old.get(name)!r} and is {new.get(name)!r}"


def _names(old: set[Any], new: set[Any], place: str) -> Iterator[str]:
    if old - new:
        yield f"{place}: can't be {sorted(old - new)} any more, which values that were written are"
    if new - old:
        yield f"{place}: can be {sorted(new - old)} now, which readers of before don't take"


def _parts(old: Any, new: Any, place: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _compare(old, new, place)
    elif old != new:
        yield f"{place}: was {old!r} and is {new!r}"


def _fields(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, now = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
    for name in before.keys() - now.keys():
        yield f"{place}.{name}: is gone"
    for name in now.keys() - before.keys():
        if name in needed_now:
            yield f"{place}.{name}: is new and required, which values that were written lack"
        elif old.get("additionalProperties", True) is not True:
            yield f"{place}.{name}: is new, and readers of before take no fields but theirs"
    for name in sorted(before.keys() & now.keys()):
        if name in needed_now - needed_before:
            yield f"{place}.{name}: is required now, and values that were written may lack it"
        if name in needed_before - needed_now:
            yield f"{place}.{name}: is not required any more, and readers of before need it"
        yield from _compare(before[name], now[name], f"{place}.{name}")
