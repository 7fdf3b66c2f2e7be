"""Answers about a year: against the year before, and day by day."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from tests.recomputed.asking import Answer, Asked, Asking, delta
from tests.recomputed.history import Row, Week, named, week_of, weeks_in

SUNDAY = 7


def year_over_year(at: Asking, asked: Asked) -> Answer:
    year = int(asked.get("year", at.running[0]))
    numbers = range(1, max(weeks_in(year), weeks_in(year - 1)) + 1)
    return {
        "year": year,
        "previousYear": year - 1,
        "weeks": [_beside(at, (year, number), (year - 1, number)) for number in numbers],
        "toDate": _to_date(at, year),
    }


def _beside(at: Asking, week: Week, before: Week) -> Row:
    is_there, was_there = (number <= weeks_in(year) for year, number in (week, before))
    comparable = is_there and was_there
    change = delta(at.volume(week), at.volume(before))
    return {
        "week": named(week) if is_there else None,
        "totalVolume": at.volume(week) if is_there else None,
        "workoutCount": len(at.of_week(week)) if is_there else None,
        "previousWeek": named(before) if was_there else None,
        "previousVolume": at.volume(before) if was_there else None,
        "previousWorkoutCount": len(at.of_week(before)) if was_there else None,
        "comparable": comparable,
        "deltaPct": change if comparable and week <= at.running else None,
    } | at.partial(week)


def _to_date(at: Asking, year: int) -> Row:
    """Add up both years to today's week and weekday, or all of a year that is not running."""
    running, number, weekday = at.today.isocalendar()
    if year != running:
        number, weekday = weeks_in(year), SUNDAY
    days, sums = [], []
    for each in (year, year - 1):
        whole = number > weeks_in(each)
        until = date.fromisocalendar(
            each, weeks_in(each) if whole else number, SUNDAY if whole else weekday
        )
        volumes = at.history.volume_by_day.items()
        inside = [v for day, v in volumes if week_of(day)[0] == each and day <= until]
        days.append(until.isoformat())
        sums.append(sum(inside, Fraction()))
    return {
        "until": days[0],
        "previousUntil": days[1],
        "totalVolume": sums[0],
        "previousVolume": sums[1],
        "deltaPct": delta(*sums),
    }


def calendar(at: Asking, asked: Asked) -> Answer:
    year = int(asked.get("year", at.today.year))
    volumes = at.history.volume_by_day
    days = [day for day in sorted(volumes) if day.year == year]
    if asked.get("fill") == "zero":
        new_year, next_year = date(year, 1, 1), date(year + 1, 1, 1)
        days = [new_year + timedelta(n) for n in range((next_year - new_year).days)]
    return {
        "year": year,
        "days": [
            {"date": day.isoformat(), "totalVolume": volumes.get(day, Fraction())} for day in days
        ],
    }
