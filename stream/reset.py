"""Throw the serving generation away, to be built again in its place from the source topics.

The short way to rebuild, with a pause: while it lasts, answers are those of what is built so
far, and say that they are stale. Nothing is published until it is built.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.types.json import Jsonb

from stream.generations import Generation, built_from, make_tables, settings_of
from stream.incidents import CLOSE, OPEN, Incident
from stream.janitor import forget_in_kafka
from stream.settings import Settings
from stream.topology import topics_of


@contextmanager
def rebuilding(settings: Settings, detail: str) -> Iterator[None]:
    """Mark every answer stale while this lasts; what fails leaves the mark, and says so."""
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
        connection.execute(OPEN, [Incident.REBUILD, detail])
    yield
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
        connection.execute(CLOSE, [Incident.REBUILD])


def throw_away(settings: Settings, generation: Generation) -> None:
    """Delete a generation's group, topics, local state and tables, and begin it anew.

    No worker of it may run. Raises WorkersRunError, TopicsError.
    """
    number = generation.number
    own = settings_of(settings, generation.capture)
    topics = topics_of(own, number)
    forget_in_kafka(own, topics)
    shutil.rmtree(settings.state_folder / topics.group, ignore_errors=True)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        make_tables(connection, number)
        connection.execute("DELETE FROM tonnage.incident WHERE generation = %s", [number])
        connection.execute(
            "UPDATE tonnage.generation SET publishes = false, built_from = %s WHERE number = %s",
            [Jsonb(built_from(own)), number],
        )


def publish_again(settings: Settings, generation: Generation) -> None:
    """Let a generation that was built again publish: as a new epoch, so that it compares first."""
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        connection.execute(
            "UPDATE tonnage.generation SET publishes = true,"
            " epoch = (SELECT max(epoch) + 1 FROM tonnage.generation) WHERE number = %s",
            [generation.number],
        )
