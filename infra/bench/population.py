"""The rows that every benchmark works on: real logs, re-dated and multiplied.

A user trains as one of the real logs says, workout after workout and from the start again when
the log ends, as many weeks back from now as asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import cycle, islice

import psycopg
from psycopg import sql

from infra.logs import LoggedWorkout, read_jsonl

FIRST_USER = 1_000_000
"""Ids of made users begin here: beside those that an app, or a test, has made."""

_LOGS = ("fitnotes_kg.jsonl", "hevy_kg.jsonl", "strong_lb.jsonl")
_DAYS = (0, 3, 5, 1, 6)
"""Weekdays of the first, second, … workout of a week."""


@dataclass(frozen=True, slots=True)
class Population:
    """So many users, each with so many weeks, workouts a week, exercises a workout at most."""

    users: int
    weeks: int
    a_week: int = 2
    exercises: int = 5
    first: int = FIRST_USER

    @property
    def ids(self) -> range:
        """The users' ids."""
        return range(self.first, self.first + self.users)


ATHLETE = Population(users=1, weeks=260, a_week=3, exercises=5, first=2 * FIRST_USER)
"""Somebody who has trained three times a week for five years."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows were written of each table."""

    workouts: int
    performed: int

    def __add__(self, other: Rows) -> Rows:
        return Rows(self.workouts + other.workouts, self.performed + other.performed)

    @property
    def captured(self) -> int:
        """Rows that are captured."""
        return self.workouts + self.performed


def settle(dsn: str, population: Population) -> Rows:
    """Write a population's rows into the primary, quickly: users, workouts, performed exercises."""
    with psycopg.connect(dsn) as connection:
        exercises = _exercise_ids(connection)
        _copy_users(connection, population)
        workouts = _next_id(connection, "workouts_workout")
        planned = list(_planned(population))
        with connection.cursor().copy(
            "COPY workouts_workout (id, user_id, date, name, total_volume) FROM STDIN"
        ) as copy:
            for number, (user, date, logged) in enumerate(planned, start=workouts):
                copy.write_row((number, user, date, logged.title[:100], 0))
        performed = 0
        with connection.cursor().copy(
            "COPY workouts_performedexercise"
            " (workout_id, exercise_id, sets, reps_per_set, weights_per_set) FROM STDIN"
        ) as copy:
            for number, (_, _, logged) in enumerate(planned, start=workouts):
                for exercise in logged.exercises[: population.exercises]:
                    reps, weights = _lists(exercise.reps), _lists(exercise.weights)
                    exercise_id = exercises[hash_of(exercise.name) % len(exercises)]
                    copy.write_row((number, exercise_id, len(exercise.reps), reps, weights))
                    performed += 1
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('workouts_workout', 'id'), %s)",
            [workouts + len(planned)],
        )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return Rows(len(planned), performed)


def hash_of(name: str) -> int:
    """Return the same number for the same name in every run."""
    return sum(number * ord(letter) for number, letter in enumerate(name, start=1))


def _planned(population: Population) -> Iterator[tuple[int, datetime, LoggedWorkout]]:
    """Go through the users' workouts in the order in which they were saved."""
    monday = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday(), weeks=population.weeks)
    templates = _templates()
    logs = {
        user: islice(cycle(templates[user % len(templates)]), user % 7, None)
        for user in population.ids
    }
    for week in range(population.weeks):
        for day in sorted(_DAYS[: population.a_week]):
            for user in population.ids:
                date = monday + timedelta(weeks=week, days=day, minutes=user % 600)
                yield user, date, next(logs[user])


@cache
def _templates() -> tuple[tuple[LoggedWorkout, ...], ...]:
    """Return the workouts of each real log that have exercises."""
    folder = files("infra").joinpath("data/logs")
    found = []
    for name in _LOGS:
        lines = folder.joinpath(name).read_text(encoding="utf-8").splitlines()
        workouts = [
            each for each in read_jsonl(lines, None, UTC) if isinstance(each, LoggedWorkout)
        ]
        found.append(tuple(each for each in workouts if each.exercises))
    return tuple(found)


def _lists(numbers: object) -> str | None:
    return None if numbers is None else json.dumps(numbers, default=_number)


def _number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _copy_users(connection: psycopg.Connection, population: Population) -> None:
    with connection.cursor().copy(
        "COPY auth_user (id, password, is_superuser, username, first_name, last_name, email,"
        " is_staff, is_active, date_joined) FROM STDIN"
    ) as copy:
        for user in population.ids:
            name = f"lifter {user}"
            now = datetime.now(UTC)
            copy.write_row((user, "!", False, name, "", "", "", False, True, now))


def _exercise_ids(connection: psycopg.Connection) -> list[int]:
    rows = connection.execute("SELECT id FROM exercise WHERE owner_id IS NULL ORDER BY id")
    return [each for (each,) in rows]


def _next_id(connection: psycopg.Connection, table: str) -> int:
    query = sql.SQL("SELECT coalesce(max(id), 0) + 1 FROM {}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return int(row[0])
