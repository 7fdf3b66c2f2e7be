"""The questions that the API answers, as data: where, what, with which parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from api import answers, models
from api.answers import Plan
from api.parameters import (
    END,
    END_DATE,
    FILL,
    LIMIT,
    RECENT,
    START,
    START_DATE,
    THRESHOLD,
    WEEKS,
    Ask,
    Parameter,
)

OF_USER = "/v1/users/{user_id}"
OF_CALLER = "/api/analytics"


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

_QUESTIONS = (
    Route("weekly-volume", answers.weekly_volume, models.WeeklyVolumes, (*_SPAN, FILL)),
    Route("weekly-frequency", answers.weekly_frequency, models.WeeklyFrequency, (*_SPAN, FILL)),
    Route("muscle-groups", answers.muscle_groups, models.MuscleGroups, _SPAN),
    Route("muscle-groups/summary", answers.muscle_groups_summary, models.MuscleGroupsSummary),
    Route(
        "muscle-groups/weekly", answers.muscle_groups_weekly, models.WeeklyGroups, (*_SPAN, FILL)
    ),
    Route(
        "muscle-groups/balance",
        answers.muscle_groups_balance,
        models.GroupBalance,
        (WEEKS, RECENT, THRESHOLD),
    ),
    Route("muscle-groups/recency", answers.muscle_groups_recency, models.Recency),
    Route("top-workouts", answers.top_workouts, models.TopWorkouts, (LIMIT, *_SPAN)),
    Route("records", answers.records, models.Records),
    Route("records/{exercise_id}", answers.records, models.Records),
    Route("streak", answers.streak, models.Streak),
    Route("exercises", answers.exercises, models.Exercises),
    Route("weeks/{week}", answers.week, models.WeekStats),
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
