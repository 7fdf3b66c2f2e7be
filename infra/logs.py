"""Workout logs as files: what they hold, and reading the normalised form.

A normalised log is JSONL, one workout a line: `{"user", "ts", "title", "exercises":
[{"name", "reps": [...], "weights": [... | null]}]}`. Numbers are decimals from the first
character on, so that what is stored is what stood in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NoReturn

MAX_NAME = 100
MAX_USER_NAME = 150
_MAX_MAGNITUDE = 1000


class BadLineError(ValueError):
    """A line that can't be read; the message is the reason people see."""


@dataclass(frozen=True, slots=True)
class LoggedExercise:
    """An exercise as it was performed; weights are None where the log has none at all."""

    name: str
    reps: tuple[Decimal, ...]
    weights: tuple[Decimal | None, ...] | None


@dataclass(frozen=True, slots=True)
class LoggedWorkout:
    """A workout, the line it starts on, and its time as UTC."""

    line: int
    user: str
    time: datetime
    title: str
    exercises: tuple[LoggedExercise, ...]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out, and why."""

    line: int
    reason: str


def read_jsonl(
    lines: Iterable[str], user: str | None, zone: tzinfo
) -> Iterator[LoggedWorkout | BadLine]:
    """Read a normalised log; `user`, where given, takes the place of the lines' own users."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _workout(number, _object(_parse(line), "the line"), user, zone)
        except BadLineError as error:
            yield BadLine(number, str(error))


@lru_cache(maxsize=4096)
def number(text: str) -> Decimal:
    """Read a decimal number. Raises BadLineError for anything else, NaN and infinity too."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise BadLineError(f"{shown(text)} is not a number") from error
    if not value.is_finite() or abs(value.adjusted()) > _MAX_MAGNITUDE:
        raise BadLineError(f"{shown(text)} is not a number that a log can hold")
    return value


def moment(text: str, zone: tzinfo) -> datetime:
    """Read a time, in `zone` where it names none; returned as UTC."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadLineError(f"{shown(text)} is not an ISO 8601 time") from error


def name(value: object, what: str, longest: int = MAX_NAME) -> str:
    """Check a name as the app's own columns would."""
    if not isinstance(value, str):
        raise BadLineError(f"{what} is {shown(value)}, not text")
    if len(value) > longest:
        raise BadLineError(f"{what} {shown(value)} is longer than {longest} characters")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadLineError(f"{what} {shown(value)} holds what is no character")
    return value


def weights_or_none(weights: Iterable[Decimal | None]) -> tuple[Decimal | None, ...] | None:
    """Return the weights, or None where not one is given: the app then stores NULL."""
    held = tuple(weights)
    return None if all(weight is None for weight in held) else held


def shown(value: object) -> str:
    """Write a value from a file for an error message: quoted, and not at any length."""
    text = repr(str(value) if isinstance(value, Decimal) else value)
    return text if len(text) <= 60 else text[:57] + "…"


def _parse(line: str) -> object:
    try:
        return json.loads(
            line, parse_int=number, parse_float=number, parse_constant=_refuse_constant
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadLineError(f"not JSON: {error}") from error


def _refuse_constant(text: str) -> NoReturn:
    raise BadLineError(f"{text} is not a number")


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadLineError(f"{what} is not a JSON object")
    return value


def _workout(line: int, given: dict[str, object], user: str | None, zone: tzinfo) -> LoggedWorkout:
    owner = name(user or given.get("user"), "the user", MAX_USER_NAME)
    time = given.get("ts")
    if not owner:
        raise BadLineError("the user's name is empty")
    if not isinstance(time, str):
        raise BadLineError(f"ts is {shown(time)}, not an ISO 8601 time")
    return LoggedWorkout(
        line,
        owner,
        moment(time, zone),
        name(given.get("title") or "", "the title"),
        tuple(
            _exercise(_object(each, "an exercise"))
            for each in _list(given.get("exercises"), "exercises")
        ),
    )


def _exercise(given: dict[str, object]) -> LoggedExercise:
    title = name(given.get("name"), "an exercise's name")
    if not title.strip():
        raise BadLineError("an exercise's name is empty")
    reps = _numbers(given.get("reps"), f"reps of {title}")
    weights = given.get("weights")
    return LoggedExercise(
        title,
        tuple(Decimal(0) if count is None else count for count in reps),
        None if weights is None else weights_or_none(_numbers(weights, f"weights of {title}")),
    )


def _numbers(value: object, what: str) -> list[Decimal | None]:
    found: list[Decimal | None] = []
    for each in _list(value, what):
        if each is not None and not isinstance(each, Decimal):
            raise BadLineError(f"{what}: {shown(each)} is not a number")
        found.append(each)
    return found


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise BadLineError(f"{what} is {shown(value)}, not a list")
    return value
