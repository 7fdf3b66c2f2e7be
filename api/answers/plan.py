"""What an answer is made of, and what several answers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec

from api import rows
from api.parameters import FILL, Ask, parse_id
from api.problems import ProblemError, invalid
from api.queries import Query
from api.spans import Span
from stream.domain.weeks import Week

Row = TypeVar("Row")
WeekRow = TypeVar("WeekRow", bound=rows.OfWeek)


@dataclass(frozen=True)
class Plan(Generic[Row]):
    """A statement with its arguments, and how its rows become the answer.

    `build` raises ProblemError where the rows show that there is nothing to answer. A `heavy`
    one reads the user's whole history, and is kept off the event loop.
    """

    query: Query[Row]
    arguments: Mapping[str, Any]
    build: Callable[[list[Row]], msgspec.Struct]
    heavy: bool = False


def filled(
    found: Iterable[WeekRow], ask: Ask, span: Span, empty: Callable[[int, int], WeekRow]
) -> list[WeekRow]:
    """Return the weeks found, with the empty ones between them where the client wants those."""
    if not ask[FILL]:
        return list(found)
    held = {row.iso_week: row for row in found}
    return [held.get(week) or empty(*week) for week in span.weeks()]


def asked_week(ask: Ask) -> Week:
    """Return the week that the path names. Raises ProblemError where it names none."""
    try:
        return Week.parse(ask.path["week"])
    except ValueError as error:
        raise invalid("week", f"week: {error}") from error


def asked_exercise(ask: Ask) -> int | None:
    """Return the exercise that the path names, None where the path has no place for one.

    Raises ProblemError for what can't be an exercise's id.
    """
    text = ask.path.get("exercise_id")
    if text is None:
        return None
    exercise = parse_id(text)
    if exercise is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"{text!r} is not an exercise's id")
    return exercise
