"""Ranges of whole ISO weeks, as clients ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from stream.domain.weeks import Week, local_day

DEFAULT_DAYS = 180


@dataclass(frozen=True)
class Span:
    """The weeks from the first to the last, both included."""

    first: Week
    last: Week

    def weeks(self) -> Iterator[Week]:
        """Go through every week, empty ones included."""
        week = self.first
        while week < self.last:
            yield week
            week = week.next()
        yield week

    def __len__(self) -> int:
        return (self.last.monday - self.first.monday).days // 7 + 1

    def arguments(self) -> dict[str, int]:
        """Return the bounds as the statements take them."""
        return {
            "first_year": self.first.year,
            "first_week": self.first.number,
            "last_year": self.last.year,
            "last_week": self.last.number,
        }


EVER = Span(Week(1, 1), Week(9999, 52))


def parse_day(text: str, zone: tzinfo) -> date:
    """Read an ISO week (its Monday), a date, or a timestamp (its day in `zone`).

    Raises ValueError for anything else. A timestamp without an offset is in `zone`.
    """
    try:
        # An unescaped "+" of an offset reaches us as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return moment.date() if moment.tzinfo is None else local_day(moment, zone)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not an ISO week (2026-W01), a date (2026-01-05)"
            " or a timestamp (2026-01-05T10:00:00Z)"
        ) from error


def span_of(start: date | None, end: date | None, today: date) -> Span:
    """Return the weeks between two days, by default those of the last 180 days.

    Raises ValueError where the start is after the end, or before the calendar.
    """
    end = end or today
    try:
        start = start or end - timedelta(days=DEFAULT_DAYS)
    except OverflowError as error:
        raise ValueError("the end is too early") from error
    span = Span(Week.of(start), Week.of(end))
    if span.first > span.last:
        raise ValueError(f"the start ({span.first}) is after the end ({span.last})")
    return span
