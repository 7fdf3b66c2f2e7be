"""What the API must answer to each question: recomputed from rows of the source.

Written from what the figures mean, in fractions and the standard library's ISO calendar, with
nothing of the stream's or the API's own code. A list that comes in pages is whole here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.recomputed import groups, lifts, weeks, years
from tests.recomputed.asking import Answer, Asked, Asking
from tests.recomputed.history import History
from tests.topology.recompute import Recomputation
from tests.topology.source import Tables

QUESTIONS: dict[str, Callable[..., Answer]] = {
    "weekly-volume": weeks.weekly_volume,
    "weekly-frequency": weeks.weekly_frequency,
    "muscle-groups": groups.muscle_groups,
    "muscle-groups/summary": groups.summary,
    "muscle-groups/weekly": groups.groups_by_week,
    "muscle-groups/comparison": groups.comparison,
    "muscle-groups/balance": groups.balance,
    "muscle-groups/recency": groups.recency,
    "top-workouts": lifts.top_workouts,
    "year-over-year": years.year_over_year,
    "records": lifts.records,
    "records/{exercise_id}": lifts.records,
    "exercises": lifts.exercises,
    "exercises/{exercise_id}/progress": lifts.progress,
    "streak": weeks.streak,
    "calendar": years.calendar,
    "weeks/{week}": weeks.week,
    "weeks/{week}/explain": weeks.explain,
}
"""Each takes who asks when, the parameters, and what fills the hole of its path."""


class Answers:
    """The answers that rows of the source give, in a deployment's time zone."""

    def __init__(self, tables: Tables, zone: ZoneInfo) -> None:
        self._tables = tables
        self._zone = zone
        self.history = cache(self._history)
        self._truth_until = cache(self._recomputed_until)

    def to(self, user: int, now: datetime, question: str, asked: Asked, *of: str) -> Answer:
        """Answer a user's question at a moment."""
        until = lambda day: self.history(user, day)  # noqa: E731 - bound to the user
        at = Asking(self.history(user), now.astimezone(self._zone).date(), until)
        return QUESTIONS[question](at, asked, *of)

    def _history(self, user: int, until: date | None = None) -> History:
        """Return a user's history: all of it, or up to the end of a day."""
        return History(self._truth_until(until), self._zone, user)

    def _recomputed_until(self, day: date | None) -> Recomputation:
        tables = self._tables
        if day is not None:
            midnight = datetime.combine(day + timedelta(days=1), time(), self._zone)
            before = {
                workout_id: row
                for workout_id, row in tables.workouts.items()
                if datetime.fromisoformat(row["date"]) < midnight
            }
            tables = Tables(tables.exercises, before, tables.performed)
        return Recomputation(tables, self._zone)
