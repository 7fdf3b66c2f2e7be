"""What the steps publish is what `/asyncapi.json` says of it."""

from __future__ import annotations

import pytest

from api.asyncapi import CHANNELS, document
from tests.documented import Documented
from tests.topology.driver import TOPICS
from tests.topology.faults import BEGIN, HISTORIES
from tests.topology.histories import World

Published = dict[str, list[tuple[bytes, bytes | None]]]
"""(key, value) pairs by public topic."""


@pytest.fixture(scope="module")
def published() -> Published:
    found: Published = {channel.topic: [] for channel in CHANNELS}
    for history in HISTORIES.values():
        world = World("UTC")
        world.pipeline.on_output = lambda write: found[TOPICS.public[write.topic]].append(
            (write.key, write.value)
        )
        world.play([*BEGIN, *history])
    return found


@pytest.mark.parametrize("topic", [channel.topic for channel in CHANNELS])
def test_keys_and_values_are_as_documented(published: Published, topic: str) -> None:
    documented = Documented(topic)
    assert any(value is not None for _, value in published[topic])
    assert any(value is None for _, value in published[topic])
    for key, value in published[topic]:
        documented.check(key, value)


def test_every_public_topic_is_documented() -> None:
    channels = document()["channels"].values()
    assert {each["address"] for each in channels} == set(TOPICS.public.values())
