"""Parameters of the API: what each is called, means and may be; read from text once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Generic, TypeVar

from api.freshness import parse_lsn
from api.problems import invalid
from api.spans import Span, parse_day, span_of
from stream.domain.weeks import Week, local_day

T = TypeVar("T")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST_ID = 2**63 - 1
WEEK_PATTERN = r"^[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])$"


@dataclass(frozen=True, eq=False)
class Parameter(Generic[T]):
    """A query parameter; `parse` raises ValueError with what is wrong about a text."""

    name: str
    description: str
    schema: Mapping[str, Any]
    parse: Callable[[str], T]
    default: T


@dataclass(frozen=True)
class Limits:
    """The most that one question may ask for: weeks of a range, entries of a page."""

    range_weeks: int = 5300
    page: int = 1000


@dataclass(frozen=True)
class Ask:
    """What one request asks for: whose figures, when, and with which parameters."""

    user: int
    now: datetime
    zone: tzinfo
    query: Mapping[str, str]
    path: Mapping[str, str]
    limits: Limits = Limits()

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """Return a parameter's value, or its default. Raises ProblemError where it is wrong."""
        text = self.query.get(parameter.name)
        if text is None:
            return parameter.default
        try:
            return parameter.parse(text)
        except ValueError as error:
            raise invalid(parameter.name, f"{parameter.name}: {error}") from error

    @cached_property
    def today(self) -> date:
        """Today in the deployment's time zone."""
        return local_day(self.now, self.zone)

    @cached_property
    def running_week(self) -> Week:
        """The week of today."""
        return Week.of(self.today)

    def span(self) -> Span:
        """Return the weeks that are asked for, by default those of the last 180 days."""
        start, end = self._day(START, START_DATE), self._day(END, END_DATE)
        try:
            span = span_of(start, end, self.today)
        except ValueError as error:
            raise invalid("start", str(error)) from error
        if len(span) > self.limits.range_weeks:
            most = self.limits.range_weeks
            raise invalid("start", f"start: a range of {len(span)} weeks is over {most}")
        return span

    def page_size(self, parameter: Parameter[int]) -> int:
        """Return how many entries a page may have. Raises ProblemError for too many."""
        size, most = self[parameter], self.limits.page
        if size > most and parameter.name in self.query:
            raise invalid(parameter.name, f"{parameter.name}: {size} is over {most}")
        return min(size, most)

    def has_span(self) -> bool:
        """Say whether the request names a range at all."""
        return any(self[each] for each in (START, END, START_DATE, END_DATE))

    def _day(self, *names: Parameter[str | None]) -> date | None:
        for parameter in names:
            text = self[parameter]
            if not text:  # the existing front end sends `start_date=` for none
                continue
            try:
                return parse_day(text, self.zone)
            except ValueError as error:
                raise invalid(parameter.name, f"{parameter.name}: {error}") from error
        return None


def parse_id(text: str) -> int | None:
    """Read an id; None where no row can have it."""
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LARGEST_ID:
        return int(text)
    return None


def _bound(name: str, description: str) -> Parameter[str | None]:
    schema = {
        "type": "string",
        "anyOf": [
            {"pattern": WEEK_PATTERN},
            {"type": "string", "format": "date"},
            {"type": "string", "format": "date-time"},
            {"maxLength": 0},  # as if it were not there
        ],
        "examples": ["2026-W01", "2026-01-05", "2026-01-05T10:00:00Z"],
    }
    return Parameter(name, description, schema, str, None)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"{text!r} is not a whole number {low}…{high}")

    return parse


def _integer(name: str, description: str, default: int, low: int, high: int) -> Parameter[int]:
    schema = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return Parameter(name, description, schema, _whole(low, high), default)


def _parse_threshold(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if not (value.is_finite() and 0 <= value <= 1):
        raise ValueError(f"{text!r} is not within 0…1")
    return value


def _parse_date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a date such as 2026-01-05")


def _parse_fill(text: str) -> bool:
    if text != "zero":
        raise ValueError(f"{text!r} is not 'zero'")
    return True


START = _bound("start", "First week: an ISO week, a date or a timestamp in it")
END = _bound("end", "Last week, itself included; default the running one")
START_DATE = _bound("start_date", "As `start`")
END_DATE = _bound("end_date", "As `end`")
FILL = Parameter(
    "fill",
    "`zero` gives the weeks without workouts too",
    {"type": "string", "enum": ["zero"]},
    _parse_fill,
    default=False,
)
LIMIT = _integer("limit", "How many at most", 5, 1, 1000)
PAGE = _integer("limit", "How many at most; `next_cursor` leads on", 1000, 1, 1000)
CURSOR: Parameter[str | None] = Parameter(
    "cursor", "`next_cursor` of the page before", {"type": "string"}, str, None
)
YEAR: Parameter[int | None] = Parameter(
    "year",
    "The year; default the running one",
    {"type": "integer", "minimum": 2, "maximum": 9998},
    _whole(2, 9998),
    None,
)
AT: Parameter[date | None] = Parameter(
    "at",
    "As of the end of this day",
    {"type": "string", "format": "date", "examples": ["2026-01-05"]},
    _parse_date,
    None,
)
WEEKS = _integer("weeks", "Weeks of the baseline, the running one included", 8, 1, 520)
RECENT = _integer("recent", "How many of them, the last, are compared with it", 2, 1, 520)
THRESHOLD = Parameter(
    "threshold",
    "By which part of the baseline's share a share may differ",
    {"type": "number", "minimum": 0, "maximum": 1, "default": 0.2},
    _parse_threshold,
    Decimal("0.2"),
)
MIN_LSN: Parameter[int | None] = Parameter(
    "min_lsn",
    "Wait a while until the answer includes this position of the source's log; also as"
    " the header Tonnage-Min-Lsn",
    {
        "type": "string",
        "pattern": r"^([0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}|[0-9]{1,19})$",
        "examples": ["0/16B6C50", "23817296"],
    },
    parse_lsn,
    None,
)
