"""Proving that nothing of a user is left: every place that could hold a value is looked at.

The rows are deleted in the primary, by the app. What follows from that is no more than any
deletion: the last value of each key is a tombstone, and the steps' state keeps no more of a row
than its ids and the offset of its deletion, so that a late duplicate can't bring it back. These
ids are gone with the generation: one that is built after the deletion never knew them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from infra.erasure.dates import configs_of, gone_by
from infra.erasure.ids import Ids
from infra.erasure.leftovers import leftovers
from infra.erasure.log import records
from infra.erasure.place import Place
from infra.erasure.state import holds_values
from infra.errors import TonnageError
from infra.rebuild import alone
from infra.source import source_sql
from stream.brokers import Brokers
from stream.engine.trim import trim
from stream.generations import LIVE, Connection, Generation, generations, settings_of
from stream.names import Topics
from stream.read_store import script, statements_of
from stream.settings import Settings
from stream.topology import steps_of, topics_of

_ROWS = (
    "SELECT (SELECT count(*) FROM {workout} WHERE {workout_user_id} = %(user)s),"
    " (SELECT count(*) FROM {exercise} WHERE {exercise_owner_id} = %(user)s)"
)
Tells = Callable[[bytes], bool]
TellsOf = Callable[[bytes, bytes], bool]

_loads = msgspec.json.Decoder(dict[str, Any]).decode


def places(settings: Settings, user: int) -> Iterator[Place]:
    """Yield every place. Raises TonnageError while the user has rows, KafkaError, psycopg.Error."""
    _refuse_rows(settings, user)
    ids = Ids(user)
    with alone(settings) as connection:
        known = generations(connection)
        live = [each for each in known if each.state in LIVE]
        owns = [settings_of(settings, each.capture) for each in live]
        named = [(own, topics_of(own, each.number)) for own, each in zip(owns, live, strict=True)]
        captures = {own.topic_prefix: (own, topics) for own, topics in named}.values()
        for own, topics in captures:
            ids.learn_from_source(own, topics)
        for own, topics in named:
            ids.learn_from_outputs(own, topics)
            ids.learn_from_state(own, topics)
        for own, topics in captures:
            yield from _source(own, topics, ids)
        for own, topics in named:
            yield from _generation(own, topics, ids)
        yield from _public(*named[0], ids)
        for each, (_, topics) in zip(live, named, strict=True):
            yield from _tables(connection, each, topics, ids)
        yield from leftovers(settings, connection, known, user)


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

        yield _topic(settings, topic, mine, _is_no_deletion)


def _public(settings: Settings, topics: Topics, ids: Ids) -> Iterator[Place]:
    for topic in topics.public.values():
        yield _topic(settings, topic, lambda key: ids.in_output(topics, key), _is_there)


def _generation(settings: Settings, topics: Topics, ids: Ids) -> Iterator[Place]:
    for topic in topics.public:
        yield _topic(settings, topic, lambda key: ids.in_output(topics, key), _is_there)
    for step in steps_of(settings, topics):

        def mine(key: bytes, name: str = step.name) -> bool:
            return ids.in_state(name, key)

        def holds(key: bytes, stored: bytes, name: str = step.name) -> bool:
            return holds_values(name, key, stored)

        yield _topic(settings, topics.changelog(step.name), mine, holds)
    asyncio.run(trim(Brokers.of(settings), topics.group, topics.logs))

    def in_log(key: bytes) -> bool:
        return key.isdigit() and int(key) in ids.workouts

    for topic in (topics.rows, topics.facts):  # a request names a row, and holds nothing of it
        yield _topic(
            settings, topic, lambda key: key.isdigit() and int(key) in ids.workouts, _is_there
        )


def _topic(settings: Settings, topic: str, mine: Tells, has_value: TellsOf) -> Place:
    last = {key: value for key, value in records(settings, topic) if mine(key)}
    values = sorted(_text(key) for key, value in last.items() if value and has_value(key, value))
    configs = configs_of(settings, [topic])[topic]
    return Place(topic, len(last), tuple(values), gone_by(configs, datetime.now(UTC)))


def _is_there(key: bytes, value: bytes) -> bool:
    """Tell that any value is one."""
    del key
    return bool(value)


def _is_no_deletion(key: bytes, value: bytes) -> bool:
    del key
    return bool(_loads(value).get("op") != "d")


def _text(key: bytes) -> str:
    return key.decode(errors="backslashreplace")


def _tables(
    connection: Connection, generation: Generation, topics: Topics, ids: Ids
) -> Iterator[Place]:
    """Look into a generation's tables: a row that is marked as deleted keeps its key alone.

    What values it has all the same are taken out.
    """
    rows = [(topic, each) for topic in topics.source.all for each in ids.of_table(topics, topic)]
    given = {
        "user": ids.user,
        "workouts": list(ids.workouts),
        "exercises": list(ids.exercises),
        "topics": [topic for topic, _ in rows],
        "ids": [each for _, each in rows],
    }
    purged = {}
    for table, statement in statements_of("purge.sql").items():
        text = statement.replace("{schema}", generation.schema).encode()
        purged[table] = sum(count for (count,) in connection.execute(text, given))
    found = connection.execute(script("left.sql", generation.schema), given)
    for table, keys, values in found.fetchall():
        where = f"{generation.schema}.{table}"
        left = tuple(values or ())
        yield Place(where, keys, left, "keys with the generation", purged[table])
