"""Messages to test a consumer with, and the documented consumer tested with them."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import ValidationError

from api.asyncapi import CHANNELS
from stream.names import PUBLIC_EXERCISES, PUBLIC_RECORDS, PUBLIC_WEEKLY_STATS, PUBLIC_WORKOUTS
from stream.sample.flow import SOURCE, PublicMessage
from stream.sample.lifters import Lifters
from tests.conftest import tonnage
from tests.consumer import consumer
from tests.documented import Documented
from tests.topology.recompute import Content, Recomputation
from tests.topology.source import Tables

CHANGES = 250
OUTSIDE_EQUALITY = {"as_of", "created_at", "updated_at", "reason"}
HEADERS = (("version", b"1.5"),)


def expected(lifters: Lifters, zone: str) -> dict[str, Content]:
    tables = Tables(*(lifters.tables[topic] for topic in SOURCE.all))
    found = Recomputation(tables, ZoneInfo(zone))
    return {
        PUBLIC_EXERCISES: found.exercises,
        PUBLIC_WORKOUTS: found.workouts,
        PUBLIC_WEEKLY_STATS: found.weekly_stats,
        PUBLIC_RECORDS: found.records,
    }


def content(rows: dict[str, str]) -> Content:
    return {
        tuple(json.loads(key).values()): meaning(json.loads(value, parse_float=Fraction))
        for key, value in rows.items()
    }


def meaning(value: Any) -> Any:
    """Return a value without what is outside equality."""
    if isinstance(value, dict):
        return {name: meaning(each) for name, each in value.items() if name not in OUTSIDE_EQUALITY}
    return [meaning(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("repeats", [0.0, 0.3])
@pytest.mark.parametrize(("seed", "zone"), [(1, "UTC"), (2, "America/New_York"), (3, "UTC")])
def test_the_documented_consumer_ends_with_a_recomputation(
    seed: int, zone: str, repeats: float
) -> None:
    lifters = Lifters(seed, zone=zone, repeats=repeats)
    tables = {channel.topic: consumer().Table(channel.topic) for channel in CHANNELS}
    for message in lifters.messages(CHANGES):
        tables[message.topic].apply(message.key, message.value, message.headers)
    for topic, rows in expected(lifters, zone).items():
        assert rows
        assert content(tables[topic].rows) == rows, topic


def test_the_same_seed_says_the_same() -> None:
    def said(seed: int) -> list[PublicMessage]:
        return list(Lifters(seed).messages(60))

    assert said(1) == said(1) != said(2)


def test_all_that_can_happen_is_in_a_sample() -> None:
    messages = list(Lifters(1).messages(CHANGES))
    for topic in (PUBLIC_WEEKLY_STATS, PUBLIC_WORKOUTS, PUBLIC_RECORDS, "tonnage.quarantine.v1"):
        values = [message.value for message in messages if message.topic == topic]
        assert None in values
        assert len({value for value in values if value is not None}) > 1
    assert {message.partition for message in messages} == {0, 1, 2, 3}


def test_a_sample_is_as_documented() -> None:
    documented = {channel.topic: Documented(channel.topic) for channel in CHANNELS}
    for message in Lifters(4, repeats=0.1).messages(CHANGES):
        documented[message.topic].check(message.key, message.value)


def test_an_old_message_that_comes_late_changes_nothing() -> None:
    topic = PUBLIC_WEEKLY_STATS
    highest: Counter[bytes] = Counter()
    late = 0
    table = consumer().Table(topic)
    for message in Lifters(1, repeats=0.5).messages(CHANGES):
        if message.topic == topic:
            version = int(message.headers[0][1].split(b".")[1])
            changed = table.apply(message.key, message.value, message.headers)
            if version < highest[message.key]:
                late += 1
                assert not changed
            highest[message.key] = max(highest[message.key], version)
    assert late > 10


def test_what_is_gone_stays_gone_when_something_older_comes() -> None:
    table = consumer().Table(PUBLIC_EXERCISES)
    key = b'{"exercise_id":1}'
    value = (
        b'{"exercise_id":1,"name":"Squat","muscle_group":"legs","owner_id":null,'
        b'"as_of":{"time":"2026-01-05T06:00:00Z","lsn":"0/1"}}'
    )
    assert table.apply(key, value, [("version", b"1.9")])
    assert table.apply(key, None, [("version", b"2.0")])
    assert not table.apply(key, value, [("version", b"1.10")])
    assert table.rows == {}
    assert table.apply(key, value, [("version", b"2.1")])


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b'{"exercise_id":"1"}', None, HEADERS),
        (b'{"exercise_id":1}', b'{"exercise_id":1}', HEADERS),
        (b'{"exercise_id":1}', None, ()),
        (b'{"exercise_id":1}', None, (("version", b"7"),)),
    ],
)
def test_the_documented_consumer_refuses_what_is_not_as_documented(
    key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    with pytest.raises(ValidationError):
        consumer().Table(PUBLIC_EXERCISES).apply(key, value, headers)


def test_the_command_prints_a_sample(tmp_path: Any) -> None:
    done = tonnage(tmp_path, "topics", "sample", "--seed", "7", "--topic", PUBLIC_WEEKLY_STATS)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = [each for each in Lifters(7).messages(100) if each.topic == PUBLIC_WEEKLY_STATS]
    assert [(line["key"], line["headers"]["version"]) for line in lines] == [
        (json.loads(each.key), each.headers[0][1].decode()) for each in wanted
    ]
    assert any(line["value"] is None for line in lines)
