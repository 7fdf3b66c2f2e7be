"""What watches a change on its way, each in a process of its own: nobody waits for another's turn.

The probed user has one workout in the running week, with one set of one kilogram. Its
repetitions count the changes, so each answer says how many of them are in. Times are those of
the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import monotonic, sleep

import httpx
import psycopg
from kafka import KafkaConsumer, TopicPartition

from infra.bench.ground import Stage
from stream.domain.weeks import Week
from stream.generations import serving_settings

PROBED_USER = 999_999
ASK_SECONDS = 0.005
"""Between two questions to the API: seen changes are later by half of it, and it is not busy."""

Seen = dict[int, float]
"""When each change was first seen, by its number."""


@dataclass(frozen=True)
class Probe:
    """The row that is changed, and where to look for it."""

    row: int
    dsn: str
    bootstrap_servers: str
    topic: str
    partitions: int
    url: str
    token: str


def set_up(found: Stage) -> Probe:
    """Give the primary a user with one workout this week."""
    settings = serving_settings(found.settings)
    with found.primary() as primary:
        primary.execute(
            "INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name,"
            " email, is_staff, is_active, date_joined)"
            " VALUES (%s, '!', false, 'probe', '', '', '', false, true, now())"
            " ON CONFLICT DO NOTHING",
            [PROBED_USER],
        )
        row = primary.execute(
            "WITH w AS (INSERT INTO workouts_workout (user_id, date, name, total_volume)"
            "           VALUES (%s, now(), 'probe', 0) RETURNING id)"
            " INSERT INTO workouts_performedexercise"
            "   (workout_id, exercise_id, sets, reps_per_set, weights_per_set)"
            " SELECT w.id, (SELECT min(id) FROM exercise), 1, '[0]', '[1]' FROM w RETURNING id",
            [PROBED_USER],
        ).fetchone()
    assert row is not None  # noqa: S101 - it was inserted
    week = Week.of(datetime.now(UTC), settings.zone)
    return Probe(
        row[0],
        settings.need("source_dsn"),
        settings.need("bootstrap_servers"),
        settings.topic(settings.performed_table),
        settings.partitions,
        f"{settings.need('api_url')}/v1/users/{PROBED_USER}/weeks/{week}",
        settings.need("api_admin_token"),
    )


def tear_down(found: Stage, probe: Probe) -> None:
    """Delete the probe's workout."""
    with found.primary() as primary, primary.transaction():
        primary.execute(
            "WITH gone AS (DELETE FROM workouts_performedexercise WHERE id = %s"
            "              RETURNING workout_id)"
            " DELETE FROM workouts_workout USING gone WHERE id = gone.workout_id",
            [probe.row],
        )


@contextmanager
def watched(probe: Probe, last: int) -> Iterator[Callable[[], tuple[Seen, Seen]]]:
    """Watch for changes up to the one numbered `last`, from both ends.

    Gives a function that waits for it and returns when a plain consumer had each change's event,
    and when the API had each change.
    """
    context = get_context("spawn")
    ends = []
    processes = []
    for watch in (watch_topic, watch_api):
        ours, theirs = context.Pipe()
        process = context.Process(target=watch, args=(probe, last, theirs), daemon=True)
        process.start()
        processes.append(process)
        ends.append(ours)
    try:
        for end in ends:
            end.recv()  # it watches
        yield lambda: (ends[0].recv(), ends[1].recv())
    finally:
        for process in processes:
            process.terminate()
            process.join()


def watch_topic(probe: Probe, last: int, end: Connection) -> None:
    """Note when a plain consumer, one that reads what is committed, has each change's event."""
    consumer = KafkaConsumer(
        bootstrap_servers=probe.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        fetch_max_wait_ms=20,
    )
    places = [TopicPartition(probe.topic, number) for number in range(probe.partitions)]
    consumer.assign(places)
    consumer.seek_to_end(*places)
    for place in places:
        consumer.position(place)
    key = json.dumps({"id": probe.row}, separators=(",", ":")).encode()
    end.send(None)
    seen: Seen = {}
    while last not in seen:
        for records in consumer.poll(timeout_ms=100).values():
            now = monotonic()
            for record in records:
                if record.key == key and record.value is not None:
                    after = json.loads(record.value)["after"]
                    seen[json.loads(after["reps_per_set"])[0]] = now
    end.send(seen)


def watch_api(probe: Probe, last: int, end: Connection) -> None:
    """Ask the API again and again, and note when it has each change."""
    headers = {"Authorization": f"Bearer {probe.token}"}
    seen: Seen = {}
    known = 0
    with httpx.Client(headers=headers, trust_env=False) as client:
        client.get(probe.url)
        end.send(None)
        while known < last:
            response = client.get(probe.url)
            if response.is_success:
                now, count = monotonic(), int(response.json()["total_volume"])
                seen.update(dict.fromkeys(range(known + 1, count + 1), now))
                known = max(known, count)
            sleep(ASK_SECONDS)
    end.send(seen)


def change(connection: psycopg.Connection, probe: Probe, number: int) -> float:
    """Commit a change, and return when it was committed."""
    connection.execute(
        "UPDATE workouts_performedexercise SET reps_per_set = jsonb_build_array(%s::integer)"
        " WHERE id = %s",
        [number, probe.row],
    )
    return monotonic()
