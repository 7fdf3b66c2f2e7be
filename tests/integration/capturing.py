"""A capture of a test's own: an app's tables under other names, beside the stack's own capture."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import psycopg
from psycopg import sql
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from stream.settings import Settings

Primary = psycopg.Connection[tuple[Any, ...]]

TABLES = """
    DROP SCHEMA IF EXISTS gym CASCADE;
    CREATE SCHEMA gym;
    CREATE TABLE gym.exercise (id bigint PRIMARY KEY, name text, muscle_group text,
        owner_id integer, is_custom boolean NOT NULL, instructions jsonb);
    CREATE TABLE gym.sessions (id bigint PRIMARY KEY, athlete integer NOT NULL,
        date timestamptz NOT NULL, name text, total_volume integer);
    CREATE TABLE gym.performed (id bigint PRIMARY KEY, workout_id bigint NOT NULL,
        exercise_id bigint NOT NULL, sets integer, reps_per_set jsonb NOT NULL,
        weights_per_set jsonb);
    CREATE TABLE gym.unrelated (id bigint PRIMARY KEY);
    INSERT INTO gym.exercise VALUES (1, 'Squat', 'legs', NULL, false, '[]');
"""


def variant(settings: Settings, **names: object) -> Settings:
    return settings.model_copy(update=names)


def names(name: str) -> dict[str, str]:
    """Name a capture of its own: nothing is left of an earlier one, not even a position."""
    own = f"{name}_{uuid4().hex[:6]}"
    places = ("connector_name", "topic_prefix", "slot_name", "publication", "capture_user")
    return dict.fromkeys(places, own)


def remove(settings: Settings, primary: Primary) -> None:
    """Delete a connector and, as soon as its reader has let go of it, its slot."""
    httpx.delete(f"{settings.connect_url}/connectors/{settings.connector_name}", trust_env=False)
    slots = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
    released = retry(
        retry=retry_if_exception_type(psycopg.errors.ObjectInUse),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(30),
    )
    released(primary.execute)(f"{slots} WHERE slot_name = %s", [settings.slot_name])
    primary.execute(
        sql.SQL(
            "DROP PUBLICATION IF EXISTS {publication}; DROP OWNED BY {role}; DROP ROLE {role}"
        ).format(
            publication=sql.Identifier(settings.publication),
            role=sql.Identifier(settings.capture_user),
        )
    )
