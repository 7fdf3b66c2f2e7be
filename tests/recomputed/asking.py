"""A question as it is asked, of a user and at a moment, and what all answers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.recomputed.history import History, Row, Week, Workout, each_week, week_of

Asked = Mapping[str, str]
"""Parameters of a question; a bound is a date."""

Answer = dict[str, Any] | None
"""As JSON has it, without `meta`; None where there is no such thing."""


def percentage(part: Fraction, whole: Fraction) -> Fraction:
    return round(100 * part / whole, 1) if whole else Fraction()


def delta(now: Fraction, before: Fraction) -> Fraction | None:
    return percentage(now - before, before) if before > 0 else None


@dataclass(frozen=True)
class Asking:
    """Whose history is asked for, and what day it is; `until` tells the history up to a day."""

    history: History
    today: date
    until: Callable[[date], History]

    @property
    def running(self) -> Week:
        return week_of(self.today)

    def span(self, asked: Asked) -> tuple[Week, Week]:
        """Return the first and the last week."""
        end = date.fromisoformat(asked["end"]) if "end" in asked else self.today
        start = date.fromisoformat(asked["start"]) if "start" in asked else end - timedelta(180)
        return week_of(start), week_of(end)

    def shown(self, asked: Asked) -> list[Week]:
        """Return the weeks that are shown."""
        span = self.span(asked)
        if asked.get("fill") == "zero":
            return list(each_week(*span))
        return self.history.trained(*span)

    def of_week(self, week: Week) -> list[Workout]:
        return self.history.weeks.get(week, [])

    def volume(self, week: Week) -> Fraction:
        return sum((each.volume for each in self.of_week(week)), Fraction())

    def partial(self, week: Week) -> Row:
        return {"partial": True} if week == self.running else {}
