"""ISO years beside each other: week by week number, and up to the same week and weekday."""

from __future__ import annotations

from datetime import date

SUNDAY = 7


def weeks_in(year: int) -> int:
    """Return how many weeks an ISO year has: 52 or 53."""
    return date(year, 12, 28).isocalendar().week


def same_day(year: int, week: int, weekday: int) -> date:
    """Return the day of a year's ISO week; the year's last where it has no such week."""
    number = weeks_in(year)
    if week > number:
        week, weekday = number, SUNDAY
    return date.fromisocalendar(year, week, weekday)
