"""Answers about a year: against the year before, and day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from api import models, queries, rows
from api.answers.plan import Plan
from api.parameters import FILL, YEAR, Ask
from api.spans import Span
from stream.domain.exact import ZERO, total
from stream.domain.shares import change
from stream.domain.weeks import Week
from stream.domain.years import SUNDAY, same_day, weeks_in


def year_over_year(ask: Ask) -> Plan[rows.DaysOfWeek]:
    """Year against the year before: week by ISO week number, and to the same weekday."""
    year = ask[YEAR] or ask.running_week.year
    before = year - 1
    numbers = range(1, max(weeks_in(year), weeks_in(before)) + 1)

    def build(found: list[rows.DaysOfWeek]) -> models.YearOverYear:
        held = {row.iso_week: row for row in found}
        return models.YearOverYear(
            year=year,
            previousYear=before,
            weeks=[
                _against(_figures(held, year, number), _figures(held, before, number), ask)
                for number in numbers
            ],
            toDate=_to_date(ask, year, found),
        )

    span = Span(Week(before, 1), Week(year, weeks_in(year)))
    return Plan(queries.WEEKLY_DAYS, span.arguments(), build)


def calendar(ask: Ask) -> Plan[rows.DaysOfWeek]:
    """Volume of each day of a calendar year."""
    year = ask[YEAR] or ask.today.year
    first, last = date(year, 1, 1), date(year, 12, 31)

    def build(found: list[rows.DaysOfWeek]) -> models.Calendar:
        volumes = {day: volume for row in found for day, volume in row.volume_by_day.items()}
        if ask[FILL]:
            days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        else:
            days = sorted(day for day in volumes if first <= day <= last)
        return models.Calendar(
            year, [models.DayVolume(day, volumes.get(day, ZERO)) for day in days]
        )

    return Plan(queries.WEEKLY_DAYS, Span(Week.of(first), Week.of(last)).arguments(), build)


def _figures(held: dict[Week, rows.DaysOfWeek], year: int, number: int) -> rows.DaysOfWeek | None:
    """Return the figures of a week, zeros without workouts; None where the year has none such."""
    if number > weeks_in(year):
        return None
    return held.get(Week(year, number)) or rows.DaysOfWeek(year, number)


def _against(
    this: rows.DaysOfWeek | None, last: rows.DaysOfWeek | None, ask: Ask
) -> models.WeekOverYear:
    over = this is not None and last is not None and this.iso_week <= ask.running_week
    return models.WeekOverYear(
        week=None if this is None else str(this.iso_week),
        totalVolume=None if this is None else this.total_volume,
        workoutCount=None if this is None else this.workout_count,
        previousWeek=None if last is None else str(last.iso_week),
        previousVolume=None if last is None else last.total_volume,
        previousWorkoutCount=None if last is None else last.workout_count,
        comparable=this is not None and last is not None,
        deltaPct=change(this.total_volume, last.total_volume) if over and this and last else None,
        partial=this is not None and this.iso_week == ask.running_week,
    )


def _to_date(ask: Ask, year: int, found: Iterable[rows.DaysOfWeek]) -> models.YearToDate:
    """Sum both years up to the same week and weekday: today's, or the end of a past year."""
    running, week, weekday = ask.today.isocalendar()
    if year != running:
        week, weekday = weeks_in(year), SUNDAY
    found = list(found)

    def volume_until(end: date, iso_year: int) -> Decimal:
        return total(
            volume
            for row in found
            if row.year == iso_year
            for day, volume in row.volume_by_day.items()
            if day <= end
        )

    until, until_before = (same_day(each, week, weekday) for each in (year, year - 1))
    this, last = volume_until(until, year), volume_until(until_before, year - 1)
    return models.YearToDate(until, until_before, this, last, change(this, last))
