"""Putting workout logs into the primary the way the app would.

Saving a workout with N exercises is N + 1 transactions: the workout with the volume that the
client computed and rounded, then each performed exercise by itself. Several workouts are
saved at once, so that the log of changes interleaves as it does in life.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from infra.load_names import Exercises, user_ids
from infra.load_plan import (
    HeldWorkout,
    Key,
    PlannedExercise,
    PlannedWorkout,
    Row,
    Write,
    held_row,
    missing,
)
from infra.log_files import read_log
from infra.logs import BadLine, LoggedExercise, LoggedWorkout
from infra.source import failed, source_sql
from stream.settings import Settings

LANES = 4
"""Connections that write at the same time."""

_MAX_INTEGER = 2**31 - 1
# Any number will do that no other program of the primary locks.
_LOAD_LOCK = 7_063_462

_HELD = """
SELECT w.{workout_id}, w.{workout_user_id}, w.{workout_date}, w.{workout_name},
       p.{performed_exercise_id}, p.{performed_reps_per_set}::text,
       p.{performed_weights_per_set}::text
FROM {workout} w
LEFT JOIN {performed} p ON p.{performed_workout_id} = w.{workout_id}
WHERE w.{workout_user_id} = ANY(%s) AND w.{workout_date} = ANY(%s)
"""
_WRITE_WORKOUT = """
INSERT INTO {workout} ({workout_user_id}, {workout_date}, {workout_name}, {workout_total_volume})
VALUES (%s, %s, %s, %s) RETURNING {workout_id}
"""
_WRITE_PERFORMED = """
INSERT INTO {performed} ({performed_workout_id}, {performed_exercise_id}, {performed_sets},
                         {performed_reps_per_set}, {performed_weights_per_set})
VALUES (%s, %s, %s, %s::jsonb, %s::jsonb)
"""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one log: workouts by what was done with them, rows written, bad lines.

    `users` are the ids of those whose log it is, `until` is the time of its last workout.
    """

    file: str
    added: int
    completed: int
    unchanged: int
    rows: int
    bad: tuple[BadLine, ...]
    users: dict[str, int]
    until: datetime | None


Progress = Callable[[int, int], None]
"""Told (workouts written, workouts to write) of the file at hand."""


def load(settings: Settings, path: Path, user: str | None, progress: Progress) -> FileReport:
    """Load one log; `user` is whose it is, where its lines don't say or are to be overruled.

    Raises TonnageError for a file of no known format and where the primary fails; what was
    written till then stands, and the next load completes it.
    """
    read = list(read_log(path, user, settings.zone))
    workouts = [each for each in read if isinstance(each, LoggedWorkout)]
    try:
        with _alone(settings) as connection:
            users = user_ids(connection, settings, (each.user for each in workouts))
            planned = _plan(connection, settings, workouts, users)
            writes = missing(planned, _held(connection, settings, planned))
            _write_all(settings, writes, progress)
    except psycopg.Error as error:
        raise failed(f"loading {path} into the primary", error) from error
    added = sum(each.workout_id is None for each in writes)
    return FileReport(
        file=str(path),
        added=added,
        completed=len(writes) - added,
        unchanged=len(workouts) - len(writes),
        rows=sum(len(each.exercises) for each in writes),
        bad=tuple(each for each in read if isinstance(each, BadLine)),
        users=users,
        until=max((each.time for each in workouts), default=None),
    )


@contextmanager
def _alone(settings: Settings) -> Iterator[Connection]:
    """Keep other loads out: two that look for the same workout at once would both write it."""
    with psycopg.connect(settings.need("source_dsn"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOAD_LOCK])
        yield connection


def _plan(
    connection: Connection,
    settings: Settings,
    workouts: Iterable[LoggedWorkout],
    users: dict[str, int],
) -> list[PlannedWorkout]:
    exercises = Exercises(connection, settings, users.values())
    return [
        PlannedWorkout(
            workout,
            users[workout.user],
            tuple(
                PlannedExercise(exercises.find(users[workout.user], each.name), each)
                for each in workout.exercises
            ),
        )
        for workout in workouts
    ]


def _held(
    connection: Connection, settings: Settings, planned: Iterable[PlannedWorkout]
) -> dict[Key, list[HeldWorkout]]:
    """Read the workouts of the primary that may be the log's, by what they share with them."""
    keys = {each.key for each in planned}
    found = connection.execute(
        source_sql(settings, _HELD),
        [list({user_id for user_id, _, _ in keys}), list({time for _, time, _ in keys})],
    )
    rows: defaultdict[tuple[Key, int], Counter[Row]] = defaultdict(Counter)
    for workout_id, user_id, time, title, exercise_id, reps, weights in found:
        held = rows[(user_id, time, title), workout_id]
        if exercise_id is not None:
            held[held_row(exercise_id, reps, weights)] += 1
    workouts: defaultdict[Key, list[HeldWorkout]] = defaultdict(list)
    for (key, workout_id), counted in rows.items():
        workouts[key].append(HeldWorkout(workout_id, counted))
    return workouts


def _write_all(settings: Settings, writes: list[Write], progress: Progress) -> None:
    """Write in a bounded number of connections; the first failure ends them all."""
    workout_sql = source_sql(settings, _WRITE_WORKOUT).as_bytes(None)
    performed_sql = source_sql(settings, _WRITE_PERFORMED).as_bytes(None)
    with (
        ConnectionPool(
            settings.need("source_dsn"), min_size=LANES, kwargs={"autocommit": True}
        ) as pool,
        ThreadPoolExecutor(LANES) as lanes,
    ):

        def write(each: Write) -> None:
            with pool.connection() as connection:
                _write(connection, each, workout_sql, performed_sql)

        futures = [lanes.submit(write, each) for each in writes]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done, len(writes))
        except BaseException:
            lanes.shutdown(cancel_futures=True)
            raise


def _write(connection: Connection, write: Write, workout_sql: bytes, performed_sql: bytes) -> None:
    workout_id, planned = write.workout_id, write.workout
    if workout_id is None:
        values = [
            planned.user_id,
            planned.workout.time,
            planned.workout.title,
            client_volume(planned.workout.exercises),
        ]
        (workout_id,) = connection.execute(workout_sql, values).fetchone() or (None,)
    for each in write.exercises:
        performed = each.performed
        connection.execute(
            performed_sql,
            [
                workout_id,
                each.exercise_id,
                len(performed.reps),
                json_list(performed.reps),
                None if performed.weights is None else json_list(performed.weights),
            ],
        )


def client_volume(exercises: Iterable[LoggedExercise]) -> int:
    """Compute what the app's client sends along: rounded, and kept within the column's bounds."""
    volume = sum(
        (
            reps * weight
            for each in exercises
            for reps, weight in zip(each.reps, each.weights or (), strict=False)
            if weight is not None
        ),
        Decimal(0),
    )
    return min(max(int(volume.to_integral_value(ROUND_HALF_UP)), 0), _MAX_INTEGER)


def json_list(numbers: Iterable[Decimal | None]) -> str:
    """Write numbers as JSON, digit by digit as they were read."""
    return f"[{', '.join('null' if each is None else str(each) for each in numbers)}]"
