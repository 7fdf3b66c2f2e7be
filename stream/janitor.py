"""Clears away generations that are not needed any more."""

from __future__ import annotations

import logging
import shutil

import psycopg

from stream.admin import TopicsError, kafka_admin
from stream.generations import Connection, Generation, State, drop, generations
from stream.names import Topics
from stream.read_store import fresh_schema
from stream.settings import Settings
from stream.topics import generation_topics
from stream.topology import changelogs, topics_of

log = logging.getLogger(__name__)

EMPTY, DEAD = "Empty", "Dead"
"""States of a consumer group without members: with commits, or not there at all."""

_ONE_AT_A_TIME = 0x70_6E_6E_61
"""The advisory lock of whoever clears away."""


class WorkersRunError(Exception):
    """Workers of the generation are still members of its group."""


def sweep(settings: Settings, worker: str) -> None:
    """Drop what was kept for long enough, delete what was dropped and has no workers any more.

    Deletes this worker's local state of generations that are not there.
    """
    with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
        _delete_local_state(settings, worker, generations(connection))
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_AT_A_TIME]).fetchone()
        if row is None or not row[0]:
            return
        connection.execute(
            "UPDATE tonnage.generation SET state = 'dropping' WHERE state = 'kept'"
            " AND kept_at < now() - make_interval(secs => %s)",
            [settings.keep_seconds],
        )
        for each in generations(connection):
            if each.state == State.DROPPING:
                try:
                    delete(connection, settings, each)
                except (WorkersRunError, TopicsError) as error:
                    log.info("generation %d can't be deleted yet: %s", each.number, error)


def delete(connection: Connection, settings: Settings, generation: Generation) -> None:
    """Delete a generation that is being dropped: group, topics, tables, then its row.

    Raises WorkersRunError, TopicsError.
    """
    drop(connection, generation)
    forget_in_kafka(settings, topics_of(settings, generation.number))
    with connection.transaction():
        for schema in (generation.schema, fresh_schema(generation.schema)):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
        connection.execute(
            "DELETE FROM tonnage.incident WHERE generation = %s", [generation.number]
        )
        connection.execute("DELETE FROM tonnage.generation WHERE number = %s", [generation.number])
    log.info("generation %d is deleted", generation.number)


def forget_in_kafka(settings: Settings, topics: Topics) -> None:
    """Delete a generation's group and topics. Raises WorkersRunError, TopicsError."""
    own = {spec.name for spec in generation_topics(topics, changelogs(settings, topics))}
    with kafka_admin(settings) as admin:
        state = admin.describe_groups([topics.group])[topics.group]["group_state"]
        if state not in (EMPTY, DEAD):
            raise WorkersRunError(f"workers of {topics.group} still run ({state}): stop them first")
        if state == EMPTY:
            admin.delete_groups([topics.group])
        there = own.intersection(admin.list_topics())
        if there:
            admin.delete_topics(list(there))


def _delete_local_state(settings: Settings, worker: str, known: list[Generation]) -> None:
    groups = {topics_of(settings, each.number).group for each in known}
    for folder in settings.state_folder.glob(f"*/{worker}"):
        if folder.parent.name not in groups:
            shutil.rmtree(folder, ignore_errors=True)
