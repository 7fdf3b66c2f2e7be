"""ISO 8601 weeks of a moment in the deployment's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

_TEXT = re.compile(r"(\d{4})-W(\d{2})")


class Week(NamedTuple):
    """An ISO week: `year` is the ISO year, `number` 1…53. Written `2026-W47`."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: date, zone: tzinfo = UTC) -> Week:
        """Return the week of a day, or of an aware moment in `zone`."""
        day = local_day(moment, zone) if isinstance(moment, datetime) else moment
        year, number, _ = day.isocalendar()
        return cls(year, number)

    @classmethod
    def parse(cls, text: str) -> Week:
        """Read `2026-W47`. Raises ValueError for a text or a week that does not exist."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an ISO week such as 2026-W47")
        week = cls(int(match[1]), int(match[2]))
        _ = week.monday
        return week

    @property
    def monday(self) -> date:
        """The week's first day. Raises ValueError where the year has no such week."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def days(self) -> tuple[date, ...]:
        """The week's seven days, Monday first."""
        return tuple(self.monday + timedelta(days=n) for n in range(7))

    def shift(self, weeks: int) -> Week:
        """Return the week that many weeks later (earlier where negative)."""
        return Week.of(self.monday + timedelta(weeks=weeks))

    def next(self) -> Week:
        """Return the week after."""
        return self.shift(1)

    def previous(self) -> Week:
        """Return the week before, over year edges too."""
        return self.shift(-1)

    def __str__(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day of an aware moment in a time zone."""
    return moment.astimezone(zone).date()


_MOMENTS = 4096
"""A moment is asked for some times in a row; to keep every workout's would cost its memory."""
_DAYS = 16384
"""45 years: the same objects for all who trained on a day."""


@lru_cache(maxsize=_MOMENTS)
def week_and_day(epoch_us: int, zone: tzinfo) -> tuple[Week, str]:
    """Return the week and the day (`YYYY-MM-DD`) of microseconds since 1970 in a zone.

    Raises ValueError or OverflowError outside the years 1…9999.
    """
    return _week_and_day(local_day(from_epoch_us(epoch_us), zone))


@lru_cache(maxsize=_DAYS)
def _week_and_day(day: date) -> tuple[Week, str]:
    return Week.of(day), day.isoformat()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_epoch_us(epoch_us: int) -> datetime:
    """Return the moment, in UTC, of microseconds since 1970."""
    return _EPOCH + epoch_us * _MICROSECOND


def to_epoch_us(moment: datetime) -> int:
    """Return an aware moment as whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=_MOMENTS)
def iso_utc(epoch_us: int) -> str:
    """Write microseconds since 1970 as ISO 8601 in UTC: `2026-11-16T07:10:22Z`."""
    return from_epoch_us(epoch_us).isoformat().replace("+00:00", "Z")
