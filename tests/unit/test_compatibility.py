"""How the public topics may evolve, each rule with a value that one side writes and the other
can't read."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.compatibility import differing, incompatible

Schema = dict[str, Any]

DAY: Schema = {
    "type": "object",
    "properties": {"steps": {"type": "integer", "minimum": 0}, "note": {"type": "string"}},
    "required": ["steps"],
}
OLD: Schema = {
    "$ref": "#/$defs/Week",
    "$defs": {
        "Day": DAY,
        "Week": {
            "title": "Week",
            "type": "object",
            "properties": {
                "week": {"type": "string", "pattern": "^[0-9]{4}$"},
                "mood": {"enum": ["good", "bad"]},
                "volume": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "days": {"type": "array", "items": {"$ref": "#/$defs/Day"}},
                "groups": {"type": "object", "additionalProperties": {"type": "integer"}},
                "name": {"type": "string"},
            },
            "required": ["week", "mood", "volume", "days", "groups"],
        },
    },
}
VALUE: dict[str, Any] = {
    "week": "2026", "mood": "bad", "volume": 1.5, "days": [{"steps": 1}], "groups": {"legs": 2},
}  # fmt: skip


def changed(*changes: tuple[str, Any]) -> Schema:
    """Return OLD with values put at paths below `$defs`; None deletes."""
    schema = deepcopy(OLD)
    for path, value in changes:
        at = schema["$defs"]
        *parents, last = path.split("/")
        for part in parents:
            at = at[part]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return schema


WEEK = "Week/properties"
REQUIRED = OLD["$defs"]["Week"]["required"]

BREAKS: dict[str, tuple[Schema, str, dict[str, Any]]] = {
    "a required field is gone": (
        changed((f"{WEEK}/mood", None), ("Week/required", ["week", "volume", "days", "groups"])),
        ".mood: is gone",
        {"mood": None},
    ),
    "an optional field is gone": (changed((f"{WEEK}/name", None)), ".name: is gone", {"name": 7}),
    "a type is another one": (
        changed((f"{WEEK}/groups/additionalProperties", {"type": "string"})),
        ".groups.*: can't be integer any more",
        {"groups": {"legs": "2"}},
    ),
    "a type is wider": (
        changed((f"{WEEK}/name", {"type": ["string", "integer"]})),
        ".name: can be integer now",
        {"name": 7},
    ),
    "a type is narrower": (
        changed((f"{WEEK}/volume", {"type": "number"})),
        ".volume: can't be null any more",
        {"volume": None},
    ),
    "an integer may be a fraction": (
        changed(("Day/properties/steps", {"type": "number", "minimum": 0})),
        ".days[].steps: can be number now",
        {"days": [{"steps": 0.5}]},
    ),
    "an optional field is required": (
        changed(("Week/required", [*REQUIRED, "name"])),
        ".name: is required now",
        {},
    ),
    "a required field is optional": (
        changed(("Week/required", [name for name in REQUIRED if name != "groups"])),
        ".groups: is not required any more",
        {"groups": None},
    ),
    "a new field is required": (
        changed((f"{WEEK}/more", {"type": "integer"}), ("Week/required", [*REQUIRED, "more"])),
        ".more: is new and required",
        {},
    ),
    "an enumeration is narrower": (
        changed((f"{WEEK}/mood", {"enum": ["good"]})),
        ".mood: can't be ['bad'] any more",
        {},
    ),
    "an enumeration is wider": (
        changed((f"{WEEK}/mood", {"enum": ["good", "bad", "fair"]})),
        ".mood: can be ['fair'] now",
        {"mood": "fair"},
    ),
    "an enumeration is new": (
        changed((f"{WEEK}/name", {"type": "string", "enum": ["a"]})),
        ".name: `enum` was None",
        {"name": "b"},
    ),
    "a pattern is another one": (
        changed((f"{WEEK}/week/pattern", "^W[0-9]+$")),
        ".week: `pattern` was",
        {},
    ),
    "a bound is another one": (
        changed(("Day/properties/steps/minimum", 1)),
        ".days[].steps: `minimum` was 0 and is 1",
        {"days": [{"steps": 0}]},
    ),
    "it takes no unknown fields any more": (
        changed(("Week/additionalProperties", False)),
        ".*: was True and is False",
        {"unknown": 1},
    ),
}  # fmt: skip


def takes(schema: Schema, value: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize("name", BREAKS)
def test_a_change_that_breaks_either_side_is_named(name: str) -> None:
    new, reason, fields = BREAKS[name]
    assert [each for each in incompatible(OLD, new) if each.startswith(reason)]
    value = {
        name: each
        for name, each in (VALUE | fields).items()
        if each is not None or name == "volume"
    }
    assert takes(OLD, value) != takes(new, value)


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed((f"{WEEK}/more", {"type": "integer"})),
        changed(("Day/properties/more", {"type": "string"})),
        changed(("Week/title", "Another"), (f"{WEEK}/name/description", "What it is called")),
        changed((f"{WEEK}/volume", {"type": ["null", "number"]})),
        changed((f"{WEEK}/days/items", DAY)),
    ],
)
def test_optional_fields_may_be_added_and_words_changed(new: Schema) -> None:
    assert incompatible(OLD, new) == []


def test_a_field_is_no_addition_where_readers_take_none() -> None:
    closed = changed(("Week/additionalProperties", False))
    more = deepcopy(closed)
    more["$defs"]["Week"]["properties"]["more"] = {"type": "integer"}
    assert incompatible(closed, more) == [
        ".more: is new, and readers of before take no fields but theirs"
    ]


def test_schemas_differ_by_what_they_take_not_by_their_words() -> None:
    assert not differing(OLD, changed(("Week/title", "Another")))
    assert differing(OLD, changed((f"{WEEK}/more", {"type": "integer"})))
