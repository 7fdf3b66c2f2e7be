"""One user's training as rows of the source tell it, and the calendar that it is counted by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from fractions import Fraction
from functools import cached_property
from typing import Any

from tests.topology.recompute import Recomputation

Row = dict[str, Any]
Week = tuple[int, int]
"""An ISO year, and the number of a week."""


def week_of(day: date) -> Week:
    year, week, _ = day.isocalendar()
    return year, week


def named(week: Week) -> str:
    return f"{week[0]:04d}-W{week[1]:02d}"


def monday(week: Week) -> date:
    return date.fromisocalendar(*week, 1)


def later(week: Week, weeks: int) -> Week:
    return week_of(monday(week) + timedelta(weeks=weeks))


def weeks_in(year: int) -> int:
    return date(year, 12, 28).isocalendar().week


def each_week(first: Week, last: Week) -> Iterator[Week]:
    while first <= last:
        yield first
        first = later(first, 1)


@dataclass(frozen=True)
class Done:
    """A performed exercise that counts."""

    performed_id: int
    exercise_id: int
    name: str | None
    group: str
    sets: list[Row]

    @cached_property
    def volume(self) -> Fraction:
        return sum((Fraction(each["volume"]) for each in self.sets), Fraction())


@dataclass(frozen=True)
class Workout:
    id: int
    at: str
    day: date
    name: str | None
    done: list[Done]
    bad: list[Row]

    @cached_property
    def week(self) -> Week:
        return week_of(self.day)

    @cached_property
    def volume(self) -> Fraction:
        return sum((each.volume for each in self.done), Fraction())


def by_group(workouts: Iterable[Workout]) -> dict[str, Fraction]:
    """Return the volume of each muscle group that was trained."""
    volumes: dict[str, Fraction] = defaultdict(Fraction)
    for workout in workouts:
        for each in workout.done:
            volumes[each.group] += each.volume
    return dict(volumes)


class History:
    """A user's workouts, oldest first.

    Attributes:
        stats: the user's WeeklyStats by `2026-W47`.
        records: the user's records by exercise and kind.
        exercises: those that have arrived, by id.
    """

    def __init__(self, truth: Recomputation, zone: tzinfo, user: int) -> None:
        self.exercises = {row["exercise_id"]: row for row in truth.exercises.values()}
        self.workouts = sorted(
            (self._workout(row, zone) for row in truth.workouts.values() if row["user_id"] == user),
            key=lambda each: (datetime.fromisoformat(each.at), each.id),
        )
        self.weeks: dict[Week, list[Workout]] = defaultdict(list)
        for each in self.workouts:
            self.weeks[each.week].append(each)
        self.stats = {week: row for (who, week), row in truth.weekly_stats.items() if who == user}
        self.records = {key[1:]: row for key, row in truth.records.items() if key[0] == user}

    def between(self, first: Week, last: Week) -> list[Workout]:
        return [each for each in self.workouts if first <= each.week <= last]

    def trained(self, first: Week, last: Week) -> list[Week]:
        return sorted(week for week in self.weeks if first <= week <= last)

    @cached_property
    def volume_by_day(self) -> dict[date, Fraction]:
        volumes: dict[date, Fraction] = defaultdict(Fraction)
        for each in self.workouts:
            volumes[each.day] += each.volume
        return dict(volumes)

    def name_and_group(self, exercise_id: int) -> tuple[str | None, str]:
        row = self.exercises.get(exercise_id)
        return (None, "unknown") if row is None else (row["name"], row["muscle_group"])

    def _workout(self, row: Row, zone: tzinfo) -> Workout:
        return Workout(
            row["workout_id"],
            row["date"],
            datetime.fromisoformat(row["date"]).astimezone(zone).date(),
            row["name"],
            [
                Done(
                    each["performed_exercise_id"],
                    each["exercise_id"],
                    *self.name_and_group(each["exercise_id"]),
                    each["sets"],
                )
                for each in row["exercises"]
            ],
            row["bad_rows"],
        )
