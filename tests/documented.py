"""What `/asyncapi.json` says of a public topic, as a check of its messages."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from api.asyncapi import document


class Documented:
    """The schemas of one public topic; a field that they do not name is refused, too."""

    def __init__(self, topic: str) -> None:
        components = document()["components"]
        (channel,) = (each for each in document()["channels"].values() if each["address"] == topic)
        (name,) = channel["messages"]
        message = components["messages"][name]
        self._key = _validator(message["bindings"]["kafka"]["key"], components)
        self._value = _validator(message["payload"], components)

    def check(self, key: bytes | str, value: bytes | str | None) -> None:
        """Raise ValidationError for a message that is not as documented."""
        self._key.validate(json.loads(key))
        if value is not None:
            self._value.validate(json.loads(value))


def _validator(schema: Any, components: Any) -> Draft202012Validator:
    return Draft202012Validator(_closed({"components": components, **schema}))


def _closed(schema: Any) -> Any:
    """Return a schema that takes no field that it does not name."""
    if isinstance(schema, dict):
        inner = {name: _closed(each) for name, each in schema.items()}
        return inner | {"additionalProperties": False} if "properties" in schema else inner
    return [_closed(each) for each in schema] if isinstance(schema, list) else schema
