"""Proving that nothing of a user is left: every place that could hold a value is looked at.

The rows are deleted in the primary, by the app. What follows from that is no more than any
deletion: the last value of each key is a tombstone, and the steps' state keeps no more of a row
than its ids and the offset of its deletion, so that a late duplicate can't bring it back. These
ids are gone with the generation: one that is built after the deletion never knew them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from infra.erasure.ids import Ids
from infra.erasure.log import last_values
from infra.errors import TonnageError
from infra.source import source_sql
from stream.engine.trim import trim
from stream.generations import LIVE, Connection, Generation, generations, settings_of
from stream.names import Topics
from stream.read_store import script
from stream.settings import Settings
from stream.topics import COMPACTION_MS, TOMBSTONES_MS
from stream.topology import steps_of, topics_of

_ROWS = (
    "SELECT (SELECT count(*) FROM {workout} WHERE {workout_user_id} = %(user)s),"
    " (SELECT count(*) FROM {exercise} WHERE {exercise_owner_id} = %(user)s)"
)
_VERSION_BYTES = 8

Tells = Callable[[bytes], bool]

_loads = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True)
class Place:
    """A place that was looked at.

    Attributes:
        where: its name.
        keys: how many of the user's keys are there: ids, without a value.
        values: the keys that have a value still; there should be none.
        gone_by: when the older records, and then the keys themselves, are gone.
    """

    where: str
    keys: int
    values: tuple[str, ...]
    gone_by: str


def places(settings: Settings, user: int) -> Iterator[Place]:
    """Yield every place. Raises TonnageError while the user has rows, KafkaError, psycopg.Error."""
    _refuse_rows(settings, user)
    ids = Ids(user)
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
        live = [each for each in generations(connection) if each.state in LIVE]
        owns = [settings_of(settings, each.capture) for each in live]
        named = [(own, topics_of(own, each.number)) for own, each in zip(owns, live, strict=True)]
        captures = {own.topic_prefix: (own, topics) for own, topics in named}.values()
        for own, topics in captures:
            ids.learn_from_source(own, topics)
        for own, topics in named:
            ids.learn_from_outputs(own, topics)
        for own, topics in captures:
            yield from _source(own, topics, ids)
        for own, topics in named:
            yield from _generation(own, topics, ids)
        yield from _public(*named[0], ids)
        for each, (_, topics) in zip(live, named, strict=True):
            yield from _tables(connection, each, topics, ids)


def _refuse_rows(settings: Settings, user: int) -> None:
    with psycopg.connect(settings.need("source_dsn")) as primary:
        row = primary.execute(source_sql(settings, _ROWS), {"user": user}).fetchone()
    workouts, exercises = row or (0, 0)
    if workouts or exercises:
        raise TonnageError(
            f"user {user} has {workouts} workouts and {exercises} exercises in the primary: the"
            " app deletes them there; then run this again"
        )


def _source(settings: Settings, topics: Topics, ids: Ids) -> Iterator[Place]:
    for topic in topics.source.all:

        def mine(key: bytes, topic: str = topic) -> bool:
            return ids.in_source(topics, topic, key)

        yield _topic(settings, topic, mine, lambda value: _loads(value).get("op") != "d")


def _public(settings: Settings, topics: Topics, ids: Ids) -> Iterator[Place]:
    for topic in topics.public.values():
        yield _topic(settings, topic, lambda key: ids.in_output(topics, key), bool)


def _generation(settings: Settings, topics: Topics, ids: Ids) -> Iterator[Place]:
    for topic in topics.public:
        yield _topic(settings, topic, lambda key: ids.in_output(topics, key), bool)
    for step in steps_of(settings, topics):

        def mine(key: bytes, name: str = step.name) -> bool:
            return ids.in_state(name, key)

        yield _topic(settings, topics.changelog(step.name), mine, holds_text)
    asyncio.run(trim(settings.need("bootstrap_servers"), topics.group, topics.logs))
    for topic in (topics.rows, topics.facts):  # a request names a row, and holds nothing of it
        yield _topic(settings, topic, lambda key: key.isdigit() and int(key) in ids.workouts, bool)


def _topic(settings: Settings, topic: str, mine: Tells, has_value: Tells) -> Place:
    last = {key: value for key, value in last_values(settings, topic).items() if mine(key)}
    values = sorted(_text(key) for key, value in last.items() if value and has_value(value))
    return Place(topic, len(last), tuple(values), _dates())


def _dates() -> str:
    older = datetime.now(UTC) + timedelta(milliseconds=COMPACTION_MS)
    keys = older + timedelta(milliseconds=TOMBSTONES_MS)
    return f"older records by {older:%Y-%m-%d}, keys by {keys:%Y-%m-%d}"


def holds_text(stored: bytes) -> bool:
    """Tell whether a state's value holds more than ids and offsets: any text or bytes at all."""
    return _has_text(msgspec.msgpack.decode(stored[_VERSION_BYTES:]))


def _has_text(value: object) -> bool:
    if isinstance(value, str | bytes):
        return bool(value)
    if isinstance(value, Mapping):
        return any(map(_has_text, value.values()))
    return isinstance(value, list) and any(map(_has_text, value))


def _text(key: bytes) -> str:
    return key.decode(errors="backslashreplace")


def _tables(
    connection: Connection, generation: Generation, topics: Topics, ids: Ids
) -> Iterator[Place]:
    """Look into a generation's tables: a row that is marked as deleted keeps its key alone."""
    rows = [(topic, each) for topic in topics.source.all for each in ids.of_table(topics, topic)]
    given = {
        "user": ids.user,
        "workouts": list(ids.workouts),
        "exercises": list(ids.exercises),
        "topics": [topic for topic, _ in rows],
        "ids": [each for _, each in rows],
    }
    found = connection.execute(script("left.sql", generation.schema), given)
    for table, keys, values in found.fetchall():
        yield Place(
            f"{generation.schema}.{table}", keys, tuple(values or ()), "keys with the generation"
        )
