"""Throw a generation away, to be built again in its place from the source topics.

The short way to rebuild, with a pause: while it lasts, answers are those of what is built so
far, and say that they are stale.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from stream.admin import kafka_admin
from stream.incidents import CLOSE, MENDED_BY_REBUILD, OPEN, Incident
from stream.names import Topics
from stream.read_store import begin_generation, serving_generation
from stream.settings import Settings
from stream.topics import generation_topics
from stream.topology import steps_of, topics_of

EMPTY, DEAD = "Empty", "Dead"
"""States of a consumer group without members: with commits, or not there at all."""


class WorkersRunError(Exception):
    """Workers of the generation are still members of its group."""


def serving_topics(settings: Settings) -> Topics | None:
    """Return the topics of the generation that serves; None before the first."""
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        generation = serving_generation(connection)
    return None if generation is None else topics_of(settings, generation)


@contextmanager
def rebuilding(settings: Settings, detail: str) -> Iterator[None]:
    """Mark every answer stale while this lasts; what fails leaves the mark, and says so."""
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
        connection.execute(OPEN, [Incident.REBUILD, detail])
    yield
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
        connection.execute(CLOSE, [MENDED_BY_REBUILD])


def throw_away(settings: Settings, topics: Topics) -> None:
    """Delete a generation's group, topics, local state and tables, and begin it anew.

    No worker of it may run. Raises WorkersRunError, TopicsError.
    """
    _forget_in_kafka(settings, topics)
    shutil.rmtree(settings.state_folder / topics.group, ignore_errors=True)
    with psycopg.connect(settings.need("read_store_dsn")) as connection, connection.transaction():
        row = connection.execute(
            "DELETE FROM tonnage.generation WHERE number = %s RETURNING epoch", [topics.generation]
        ).fetchone()
        connection.execute(f"DROP SCHEMA IF EXISTS {topics.schema} CASCADE".encode())
        begin_generation(connection, settings, topics)
        if row is not None:
            connection.execute(
                "UPDATE tonnage.generation SET epoch = %s WHERE number = %s",
                [row[0] + 1, topics.generation],
            )


def _forget_in_kafka(settings: Settings, topics: Topics) -> None:
    changelogs = tuple(topics.changelog(step.name) for step in steps_of(settings, topics))
    own = {spec.name for spec in generation_topics(topics, changelogs)}
    with kafka_admin(settings) as admin:
        state = admin.describe_groups([topics.group])[topics.group]["group_state"]
        if state not in (EMPTY, DEAD):
            raise WorkersRunError(f"workers of {topics.group} still run ({state}): stop them first")
        if state == EMPTY:
            admin.delete_groups([topics.group])
        there = own.intersection(admin.list_topics())
        if there:
            admin.delete_topics(list(there))
