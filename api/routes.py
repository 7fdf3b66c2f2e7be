"""The questions that the API answers, as data: where, what, with which parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from api import models
from api.answers import explain, groups, lifts, weeks, years
from api.answers.plan import Plan
from api.parameters import (
    AT,
    CURSOR,
    END,
    END_DATE,
    FILL,
    LIMIT,
    PAGE,
    RECENT,
    START,
    START_DATE,
    THRESHOLD,
    WEEKS,
    YEAR,
    Ask,
    Parameter,
)

OF_USER = "/v1/users/{user_id}"
OF_CALLER = "/api/analytics"
LIVE = f"{OF_USER}/live"


@dataclass(frozen=True)
class Route:
    """A question about a user. Its first line of documentation is the answer's own."""

    path: str
    plan: Callable[[Ask], Plan[Any]]
    shape: type[msgspec.Struct]
    parameters: tuple[Parameter[Any], ...] = ()

    @property
    def summary(self) -> str:
        """What the answer is, in one line."""
        return (self.plan.__doc__ or "").strip()


_SPAN = (START, END)
_PAGED = (PAGE, CURSOR)

_QUESTIONS = (
    Route("weekly-volume", weeks.weekly_volume, models.WeeklyVolumes, (*_SPAN, FILL)),
    Route("weekly-frequency", weeks.weekly_frequency, models.WeeklyFrequency, (*_SPAN, FILL)),
    Route("muscle-groups", groups.muscle_groups, models.MuscleGroups, _SPAN),
    Route("muscle-groups/summary", groups.muscle_groups_summary, models.MuscleGroupsSummary),
    Route("muscle-groups/weekly", groups.muscle_groups_weekly, models.WeeklyGroups, (*_SPAN, FILL)),
    Route(
        "muscle-groups/balance",
        groups.muscle_groups_balance,
        models.GroupBalance,
        (WEEKS, RECENT, THRESHOLD),
    ),
    Route("muscle-groups/recency", groups.muscle_groups_recency, models.Recency),
    Route("muscle-groups/comparison", groups.muscle_groups_comparison, models.GroupComparison),
    Route("year-over-year", years.year_over_year, models.YearOverYear, (YEAR,)),
    Route("calendar", years.calendar, models.Calendar, (YEAR, FILL)),
    Route("top-workouts", lifts.top_workouts, models.TopWorkouts, (LIMIT, CURSOR, *_SPAN)),
    Route("records", lifts.records, models.Records, (AT, *_PAGED)),
    Route("records/{exercise_id}", lifts.records, models.Records, (AT, *_PAGED)),
    Route("streak", weeks.streak, models.Streak),
    Route("exercises", lifts.exercises, models.Exercises, _PAGED),
    Route("exercises/{exercise_id}/progress", lifts.progress, models.Progress, (*_SPAN, FILL)),
    Route("weeks/{week}", weeks.week, models.WeekStats),
    Route("weeks/{week}/explain", explain.explain, models.WeekExplained),
)

# What an existing front end asks for; it names the range as it always did.
_MOVED = ("weekly-volume", "weekly-frequency", "muscle-groups", "muscle-groups/summary")
_OLD_NAMES = {START: START_DATE, END: END_DATE}


def _moved(route: Route) -> Route:
    parameters = tuple(_OLD_NAMES.get(each, each) for each in route.parameters)
    return Route(f"{OF_CALLER}/{route.path}/", route.plan, route.shape, parameters)


ROUTES = (
    *(
        Route(f"{OF_USER}/{each.path}", each.plan, each.shape, each.parameters)
        for each in _QUESTIONS
    ),
    *(_moved(each) for each in _QUESTIONS if each.path in _MOVED),
)
