"""JSON Schemas of our types, as the published documents have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

SCHEMAS = "#/components/schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas_of(types: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    """Return the schemas of these types, and of all that they refer to, by name."""
    _, schemas = msgspec.json.schema_components(list(types), ref_template=SCHEMAS + "/{name}")
    return {name: _exact_numbers(schema) for name, schema in schemas.items()}


def standing_alone(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return a schema that refers to nothing outside itself."""
    found: dict[str, Any] = _exact_numbers(msgspec.json.schema(shape))
    return {"$schema": DIALECT, **found}


def reference(shape: type[msgspec.Struct]) -> dict[str, str]:
    """Return the reference to a type's schema."""
    return {"$ref": f"{SCHEMAS}/{shape.__name__}"}


def _exact_numbers(schema: Any) -> Any:
    """Return a schema in which decimals are the JSON numbers that we write, not texts."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {"type": "number"}
        return {key: _exact_numbers(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_exact_numbers(value) for value in schema]
    return schema
