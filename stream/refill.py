"""Fills the serving generation's tables again from what it has said, beside the running stack.

From its own output topics, not the public ones: a version there is an offset in this
generation's logs, while an equal value may stand in a public topic with the version of a
generation before, which would keep later changes out.

The tables are filled in a schema beside, then take the place of those that serve: all of them,
or the rows of one user. Whoever is interrupted leaves what serves as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from stream.comparison import KEYS, statement
from stream.domain.published import WorkoutKey
from stream.generations import Connection, Generation, settings_of
from stream.names import Topics
from stream.notices import CHANNEL, switch_notice
from stream.read_store import fresh_schema, script, statements_of
from stream.said import Said, output_reader
from stream.settings import Settings
from stream.steps.outputs import encode_key
from stream.topology import topics_of
from stream.upserts import Row, arrays_of, statements, tables_of

_LOCKED_MS = 200
"""The sink waits no longer than this for us to wait for it."""

_SWAP_SECONDS = 60

OF_A_USER = ("weekly_stats", "workouts", "personal_records", "quarantine")
"""Tables that have rows of one user; of the quarantine, those that a user's workouts name."""

Seen = Callable[[int, int], None]
"""Takes how many records of how many are done."""

Differing = dict[str, list[dict[str, Any]]]
"""The keys of a table's rows that are other than they were."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass
class _Filter:
    """Lets the rows of a user pass, and the whole list of bad rows; all where the user is None.

    `kept` are the topics and keys that pass whatever is said of them.
    """

    user: int | None
    listed: str
    kept: set[tuple[str, bytes]] = field(default_factory=set)

    def passes(self, topic: str, row: Row) -> bool:
        """Tell; a workout that was the user's passes on, so that it is seen to be another's."""
        if self.user is None or topic == self.listed or (topic, row.key) in self.kept:
            return True
        named = _decode(row.key) | (_decode(row.value) if row.value is not None else {})
        if named.get("user_id") != self.user:
            return False
        self.kept.add((topic, row.key))
        return True


def refill(
    settings: Settings,
    connection: Connection,
    generation: Generation,
    seen: Seen,
    user: int | None = None,
    *,
    dry: bool = False,
) -> Differing:
    """Put a generation's tables right, or a user's rows of them; return what was not.

    A `dry` one looks, and leaves everything as it is. The connection is in autocommit mode.
    Raises KafkaError, psycopg.Error.
    """
    own = settings_of(settings, generation.capture)
    topics = topics_of(own, generation.number)
    fresh = fresh_schema(generation.schema)
    tables = {
        topic: table
        for topic, table in tables_of(topics).items()
        if user is None or table in OF_A_USER
    }
    _run(connection, f"DROP SCHEMA IF EXISTS {fresh} CASCADE")
    connection.execute(script("generation.sql", fresh))
    rows = _Filter(user, topics.quarantine, _held(connection, generation, topics, user))
    with output_reader(own, topics, tables) as reader:
        ends = reader.ends()
        total = reader.left(ends)
        for said in reader.read(ends):
            _write(connection, topics, fresh, said, rows)
            seen(total - reader.left(ends), total)

        filled = reader.positions()

        def swap() -> Differing:
            reader.go_to(filled)  # what an attempt wrote that failed is not there
            with connection.transaction(force_rollback=dry):
                positions = _hold_the_sink_back(connection, generation.schema, topics)
                for said in reader.read({tp: positions.get(tp, 0) for tp in ends}):
                    _write(connection, topics, fresh, said, rows)
                if user is None and dry:
                    return dict(_differing(connection, generation.schema, fresh, [*KEYS]))
                if user is None:
                    return _replace_all(connection, generation, fresh, [*tables.values()])
                return _replace_user(connection, generation, topics, fresh, user)

        differing = _swapping()(swap)
    if dry:
        _run(connection, f"DROP SCHEMA {fresh} CASCADE")
    return differing


def _held(
    connection: Connection, generation: Generation, topics: Topics, user: int | None
) -> set[tuple[str, bytes]]:
    """Name the workouts that the tables hold as the user's, whoever's they are."""
    if user is None:
        return set()
    found = connection.execute(
        f"SELECT workout_id FROM {generation.schema}.workouts WHERE user_id = %s".encode(),  # noqa: S608 - our own name
        [user],
    )
    return {(topics.workouts, encode_key(WorkoutKey(each))) for (each,) in found}


def _swapping() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(
            (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
        ),
        stop=stop_after_delay(_SWAP_SECONDS),
        wait=wait_random(0.05, 0.2),
        reraise=True,
    )


def _write(connection: Connection, topics: Topics, schema: str, said: Said, rows: _Filter) -> None:
    upserts = statements(schema)
    for topic, told in said.items():
        passing = [row for row in told if rows.passes(topic, row)]
        if passing:
            connection.execute(upserts[tables_of(topics)[topic]], arrays_of(passing))


def _hold_the_sink_back(
    connection: Connection, schema: str, topics: Topics
) -> dict[tuple[str, int], int]:
    """Lock the tables against writers until the transaction ends; return the sink's positions."""
    tables = (*tables_of(topics).values(), "position")
    names = ", ".join(f"{schema}.{table}" for table in tables)
    _run(connection, f"SET LOCAL lock_timeout = {_LOCKED_MS}")
    _run(connection, f"LOCK TABLE {names} IN EXCLUSIVE MODE")
    _run(connection, "SET LOCAL lock_timeout = 0")
    found = _run(connection, f"SELECT topic, partition, next_offset FROM {schema}.position")  # noqa: S608 - our own names
    return {(topic, partition): offset for topic, partition, offset in found}


def _replace_all(
    connection: Connection, generation: Generation, fresh: str, tables: list[str]
) -> Differing:
    """Let the fresh tables take the names of those that serve.

    The sink's positions stay as they are, so that it publishes all that it has not.
    """
    held = generation.schema
    gone = f"{held}_gone"
    _run(connection, f"INSERT INTO {fresh}.position TABLE {held}.position")
    differing = dict(_differing(connection, held, fresh, tables))
    _run(connection, f"ALTER SCHEMA {held} RENAME TO {gone}")
    _run(connection, f"ALTER SCHEMA {fresh} RENAME TO {held}")
    connection.execute(script("serve.sql", held))
    _run(connection, f"DROP SCHEMA {gone} CASCADE")
    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, switch_notice(generation.number)])
    return differing


def _replace_user(
    connection: Connection, generation: Generation, topics: Topics, fresh: str, user: int
) -> Differing:
    """Let the fresh rows of a user take the place of those that serve."""
    held = generation.schema
    saved = f"{held}_of_user"
    sql = statements_of("refill-user.sql")
    names = {"held": held, "fresh": fresh, "saved": saved, "user": str(user)}

    def run(name: str, **more: str) -> None:
        text = sql[name]
        for hole, value in (names | more).items():
            text = text.replace("{" + hole + "}", value)
        connection.execute(text.encode())

    run("only_what_concerns_the_user", performed=topics.source.performed)
    _run(connection, f"CREATE SCHEMA {saved}")
    for table in OF_A_USER:
        of_user = "false" if table == "quarantine" else f"user_id = {user}"
        run("save", table=table, key=", ".join(KEYS[table]), of_user=of_user)
    differing = dict(_differing(connection, saved, fresh, [*OF_A_USER]))
    for table in OF_A_USER:
        run("replace", table=table, key=", ".join(KEYS[table]))
    _run(connection, f"DROP SCHEMA {saved} CASCADE")
    _run(connection, f"DROP SCHEMA {fresh} CASCADE")
    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, switch_notice(generation.number)])
    return differing


def _differing(
    connection: Connection, before: str, after: str, tables: list[str]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for table in tables:
        found = connection.execute(statement(table, before, after), {"keys": None}).fetchall()
        if found:
            yield table, [key for key, _, _ in found]


def _run(connection: Connection, text: str) -> Any:
    """Run a statement that is made of our own names and numbers."""
    return connection.execute(text.encode())
