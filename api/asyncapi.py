"""The AsyncAPI 3.0 document of the public topics, made from the types that are published."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec

from api.schemas import reference, schemas_of
from stream import names
from stream.domain import published


@dataclass(frozen=True)
class Channel:
    """A public topic. The documentation of its value's type says what a message is."""

    topic: str
    key: type[msgspec.Struct]
    value: type[msgspec.Struct]
    cleanup: tuple[str, ...] = ("compact",)

    @property
    def name(self) -> str:
        """The message's name."""
        return self.value.__name__.removesuffix("Value")

    @property
    def summary(self) -> str:
        """What a message is, in one line."""
        return (self.value.__doc__ or "").partition("\n")[0]


CHANNELS = (
    Channel(names.PUBLIC_WORKOUTS, published.WorkoutKey, published.WorkoutValue),
    Channel(names.PUBLIC_WEEKLY_STATS, published.WeekKey, published.WeekValue),
    Channel(names.PUBLIC_EXERCISES, published.ExerciseKey, published.ExerciseValue),
    Channel(names.PUBLIC_RECORDS, published.RecordKey, published.RecordValue),
    Channel(
        names.PUBLIC_QUARANTINE,
        published.QuarantineKey,
        published.QuarantineValue,
        ("compact", "delete"),
    ),
)

_TOMBSTONE = "A message without a value (a tombstone) says that what its key names is gone."
HEADERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "version": {
            "type": "string",
            "pattern": r"^[0-9]+\.[0-9]+$",
            "description": "`epoch.offset`, two numbers: of a key's values, the highest is the"
            " newest",
        }
    },
    "required": ["version"],
}


def document() -> dict[str, Any]:
    """Return the document. Within v1, fields may be added; none goes or changes its meaning."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tonnage",
            "version": version("tonnage"),
            "description": "Training figures as they change, on compacted topics. A value is"
            " written again only where it differs from the last, or after a failure. Fields may"
            " be added within v1.",
        },
        "defaultContentType": "application/json",
        "channels": {each.name: _channel(each) for each in CHANNELS},
        "operations": {f"send{each.name}": _operation(each) for each in CHANNELS},
        "components": {
            "messages": {each.name: _message(each) for each in CHANNELS},
            "schemas": schemas_of(each.value for each in CHANNELS),
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    kafka = {
        "topic": channel.topic,
        "topicConfiguration": {"cleanup.policy": list(channel.cleanup)},
        "bindingVersion": "0.5.0",
    }
    return {
        "address": channel.topic,
        "description": f"{channel.summary} {_TOMBSTONE}",
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
        "bindings": {"kafka": kafka},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel.name}"}}


def _message(channel: Channel) -> dict[str, Any]:
    # AsyncAPI's own schema takes no reference for a key.
    key = schemas_of([channel.key])[channel.key.__name__]
    return {
        "name": channel.name,
        "summary": channel.summary,
        "headers": HEADERS,
        "payload": reference(channel.value),
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }
