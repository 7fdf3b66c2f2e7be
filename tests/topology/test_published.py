"""What the steps publish is what `/asyncapi.json` says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.asyncapi import CHANNELS, Channel, document
from tests.topology.driver import TOPICS
from tests.topology.faults import BEGIN, HISTORIES
from tests.topology.histories import World

Published = dict[str, list[tuple[Any, Any]]]
"""(key, value) pairs by public topic."""


def closed(schema: Any) -> Any:
    """Return a schema that takes no field that it does not name."""
    if isinstance(schema, dict):
        inner = {name: closed(each) for name, each in schema.items()}
        return inner | {"additionalProperties": False} if "properties" in schema else inner
    return [closed(each) for each in schema] if isinstance(schema, list) else schema


def validator(message: dict[str, Any], *path: str) -> Draft202012Validator:
    schema: Any = message
    for name in path:
        schema = schema[name]
    whole = {"components": closed(document()["components"]), **closed(schema)}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def published() -> Published:
    found: Published = {channel.topic: [] for channel in CHANNELS}
    for history in HISTORIES.values():
        world = World("UTC")
        world.pipeline.on_output = lambda write: found[TOPICS.public[write.topic]].append(
            (json.loads(write.key), write.value and json.loads(write.value))
        )
        world.play([*BEGIN, *history])
    return found


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda each: each.topic)
def test_keys_and_values_are_as_documented(published: Published, channel: Channel) -> None:
    message = document()["components"]["messages"][channel.name]
    keys = validator(message, "bindings", "kafka", "key")
    values = validator(message, "payload")
    said = published[channel.topic]
    assert any(value is None for _, value in said)
    for key, value in said:
        keys.validate(key)
        if value is not None:
            values.validate(value)


def test_every_public_topic_is_documented() -> None:
    channels = document()["channels"].values()
    assert {each["address"] for each in channels} == set(TOPICS.public.values())
