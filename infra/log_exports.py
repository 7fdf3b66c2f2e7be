"""The CSV exports of Strong, Hevy and FitNotes: one line a set, the format told by its header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TextIO

from infra.logs import (
    BadLine,
    BadLineError,
    LoggedExercise,
    LoggedWorkout,
    moment,
    name,
    number,
    weights_or_none,
)

_HEVY_TIME = "%d %b %Y, %H:%M"
# Strong writes these as if they were sets.
_NO_SETS = frozenset({"Rest Timer", "Note"})


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """The headers under which an app writes what we read; the first one that is there counts."""

    app: str
    time: tuple[str, ...]
    exercise: tuple[str, ...]
    weight: tuple[str, ...]
    reps: tuple[str, ...]
    title: tuple[str, ...] = ()
    set_order: tuple[str, ...] = ()


FORMATS = (
    ExportFormat(
        app="Strong",
        time=("Date", "日期"),
        title=("Workout Name", "锻炼名称"),
        exercise=("Exercise Name", "运动名称"),
        set_order=("Set Order", "设置顺序"),
        weight=("Weight", "Weight (kg)", "Weight (lb)", "Weight (lbs)", "重量"),
        reps=("Reps", "次"),
    ),
    ExportFormat(
        app="Hevy",
        time=("start_time",),
        title=("title",),
        exercise=("exercise_title",),
        weight=("weight_kg", "weight_lbs", "weight_lb"),
        reps=("reps",),
    ),
    ExportFormat(
        app="FitNotes",
        time=("Date",),
        exercise=("Exercise",),
        weight=("Weight", "Weight (kg)", "Weight (kgs)", "Weight (lbs)"),
        reps=("Reps",),
    ),
)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a file has its columns; `title` and `set_order` may be nowhere."""

    time: int
    exercise: int
    weight: int
    reps: int
    title: int | None
    set_order: int | None


@dataclass(frozen=True, slots=True)
class _Set:
    time: datetime
    title: str
    exercise: str
    reps: Decimal
    weight: Decimal | None


@dataclass(slots=True)
class _Gathered:
    """A workout's sets so far, by exercise in the order in which each came first."""

    line: int
    exercises: dict[str, list[_Set]] = field(default_factory=dict)


def recognise(header: str) -> ExportFormat | None:
    """Tell which app wrote a file from its first line; None for a header of no known app."""
    try:
        names = _split(header)
    except csv.Error:
        return None
    return next((each for each in FORMATS if _columns(each, names) is not None), None)


def read_export(
    file: TextIO, app: ExportFormat, user: str, zone: tzinfo
) -> Iterator[LoggedWorkout | BadLine]:
    """Read an export whose first line is `app`'s header; workouts come in order of time.

    The sets of one time and title are one workout, and those of one exercise in it one
    performed exercise, even if another was done in between.
    """
    header = file.readline()
    columns = _columns(app, _split(header))
    if columns is None:
        raise ValueError(f"not a header of {app.app}: {header!r}")
    workouts: dict[tuple[datetime, str], _Gathered] = {}
    reader = csv.reader(file, delimiter=_delimiter(header))
    while True:
        line = reader.line_num + 2
        try:
            each = _set(next(reader), columns, zone)
        except StopIteration:
            break
        except (BadLineError, csv.Error) as error:
            yield BadLine(line, str(error))
            continue
        if each is not None:
            gathered = workouts.setdefault((each.time, each.title), _Gathered(line))
            gathered.exercises.setdefault(each.exercise, []).append(each)
    for (time, title), gathered in sorted(workouts.items(), key=lambda item: item[0][0]):
        exercises = tuple(_exercise(*item) for item in gathered.exercises.items())
        yield LoggedWorkout(gathered.line, user, time, title, exercises)


def _delimiter(header: str) -> str:
    return ";" if header.count(";") > header.count(",") else ","


def _split(header: str) -> list[str]:
    return [each.strip() for each in next(csv.reader([header], delimiter=_delimiter(header)), [])]


def _columns(app: ExportFormat, header: list[str]) -> _Columns | None:
    def place(names: tuple[str, ...]) -> int | None:
        return next((header.index(each) for each in names if each in header), None)

    time, exercise, weight, reps = map(place, (app.time, app.exercise, app.weight, app.reps))
    title, set_order = place(app.title), place(app.set_order)
    if time is None or exercise is None or weight is None or reps is None:
        return None
    if app.title and title is None:
        return None
    return _Columns(time, exercise, weight, reps, title, set_order)


def _set(row: list[str], columns: _Columns, zone: tzinfo) -> _Set | None:
    if not row or (columns.set_order is not None and _cell(row, columns.set_order) in _NO_SETS):
        return None
    exercise = name(_cell(row, columns.exercise), "the exercise's name")
    if not exercise:
        raise BadLineError("the exercise's name is empty")
    reps, weight = _cell(row, columns.reps), _cell(row, columns.weight)
    return _Set(
        _moment(_cell(row, columns.time), zone),
        "" if columns.title is None else name(_cell(row, columns.title), "the workout's name"),
        exercise,
        _plain(reps) if reps else Decimal(0),
        _plain(weight) if weight else None,
    )


def _cell(row: list[str], column: int) -> str:
    if column >= len(row):
        raise BadLineError(f"it has {len(row)} columns, fewer than its header")
    return row[column].strip()


def _moment(text: str, zone: tzinfo) -> datetime:
    with suppress(ValueError):
        text = datetime.strptime(text, _HEVY_TIME).isoformat()  # noqa: DTZ007 - moment() adds it
    return moment(text, zone)


def _plain(text: str) -> Decimal:
    """Read a number, whole ones without the `.0` that exports add to each."""
    value = number(text)
    return value.to_integral_value() if value == value.to_integral_value() else value


def _exercise(title: str, sets: list[_Set]) -> LoggedExercise:
    return LoggedExercise(
        title,
        tuple(each.reps for each in sets),
        weights_or_none(each.weight for each in sets),
    )
