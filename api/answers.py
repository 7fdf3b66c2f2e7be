"""How each question is answered: the statement that it needs, and what is made of its rows.

Every function here is pure: it turns what is asked into a plan, and the plan's `build` turns
the rows into the answer. What is wrong about a question is raised before any statement runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec

from api import models, queries, rows
from api.parameters import FILL, LIMIT, RECENT, THRESHOLD, WEEKS, Ask, parse_id
from api.problems import ProblemError, invalid
from api.queries import Query
from api.spans import EVER, Span
from stream.domain.balance import MUSCLE_GROUPS, balance, balance_score
from stream.domain.exact import total
from stream.domain.records import E1RM_FORMULA, E1RM_MAX_REPS
from stream.domain.shares import average, percentage, share
from stream.domain.streaks import streaks
from stream.domain.weeks import Week, local_day

Row = TypeVar("Row")
WeekRow = TypeVar("WeekRow", bound=rows.OfWeek)

_MOST_FILLED_WEEKS = 5_300


@dataclass(frozen=True)
class Plan(Generic[Row]):
    """A statement with its arguments, and how its rows become the answer.

    `build` raises ProblemError where the rows show that there is nothing to answer.
    """

    query: Query[Row]
    arguments: Mapping[str, Any]
    build: Callable[[list[Row]], msgspec.Struct]


def weekly_volume(ask: Ask) -> Plan[rows.VolumeOfWeek]:
    """Volume, workouts and average volume of each week."""
    span, fill, running = _filled_span(ask)

    def build(found: list[rows.VolumeOfWeek]) -> models.WeeklyVolumes:
        return models.WeeklyVolumes(
            [
                models.WeekVolume(
                    week=str(row.iso_week),
                    totalVolume=row.total_volume,
                    workoutCount=row.workout_count,
                    avgVolumePerWorkout=average(row.total_volume, row.workout_count),
                    partial=row.iso_week == running,
                )
                for row in (_filled(found, span, rows.VolumeOfWeek) if fill else found)
            ]
        )

    return Plan(queries.WEEKLY_VOLUME, span.arguments(), build)


def weekly_frequency(ask: Ask) -> Plan[rows.VolumeOfWeek]:
    """Workouts of each week."""
    span, fill, running = _filled_span(ask)

    def build(found: list[rows.VolumeOfWeek]) -> models.WeeklyFrequency:
        return models.WeeklyFrequency(
            [
                models.WeekFrequency(
                    week=str(row.iso_week),
                    workoutCount=row.workout_count,
                    partial=row.iso_week == running,
                )
                for row in (_filled(found, span, rows.VolumeOfWeek) if fill else found)
            ]
        )

    return Plan(queries.WEEKLY_VOLUME, span.arguments(), build)


def muscle_groups(ask: Ask) -> Plan[rows.VolumeOfGroup]:
    """Volume and its percentage by muscle group, over a range of weeks."""

    def build(found: list[rows.VolumeOfGroup]) -> models.MuscleGroups:
        return models.MuscleGroups(_shares({row.muscle_group: row.volume for row in found}))

    return Plan(queries.MUSCLE_GROUPS, ask.span().arguments(), build)


def muscle_groups_summary(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Volume and its percentage by muscle group, of this week and the last."""
    current, last = ask.running_week, ask.running_week.previous()

    def build(found: list[rows.GroupsOfWeek]) -> models.MuscleGroupsSummary:
        volumes = {row.iso_week: row.volume_by_muscle_group for row in found}
        this = volumes.get(current, {})
        return models.MuscleGroupsSummary(
            current_week=_shares(this),
            last_week=_shares(volumes.get(last, {})),
            balance_score=balance_score(this),
        )

    return Plan(queries.WEEKLY_GROUPS, Span(last, current).arguments(), build)


def muscle_groups_weekly(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Volume, sessions and sets by muscle group, of each week."""
    span, fill, running = _filled_span(ask)

    def build(found: list[rows.GroupsOfWeek]) -> models.WeeklyGroups:
        return models.WeeklyGroups(
            [
                models.WeekGroups(
                    week=str(row.iso_week),
                    weekStart=row.iso_week.monday,
                    groups=row.volume_by_muscle_group,
                    sessions=row.sessions_by_muscle_group,
                    sets=row.sets_by_muscle_group,
                    total=row.total_volume,
                    partial=row.iso_week == running,
                )
                for row in (_filled(found, span, rows.GroupsOfWeek) if fill else found)
            ]
        )

    return Plan(queries.WEEKLY_GROUPS, span.arguments(), build)


def muscle_groups_balance(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Each group's share of the last weeks' volume, against its share of all of them."""
    weeks, recent, threshold = ask[WEEKS], ask[RECENT], ask[THRESHOLD]
    if recent > weeks:
        raise invalid("recent", f"recent: {recent} is more than the {weeks} weeks of the baseline")
    running = ask.running_week
    span, since = Span(running.shift(1 - weeks), running), running.shift(1 - recent)

    def build(found: list[rows.GroupsOfWeek]) -> models.GroupBalance:
        shifts = balance(
            _sums(row.volume_by_muscle_group for row in found),
            _sums(row.volume_by_muscle_group for row in found if row.iso_week >= since),
            threshold,
        )
        return models.GroupBalance(
            baselineShare={group: share(shift.baseline) for group, shift in shifts.items()},
            currentShare={group: share(shift.recent) for group, shift in shifts.items()},
            status={group: shift.status.value for group, shift in shifts.items()},
            weeks=weeks,
            recent=recent,
            threshold=threshold,
        )

    return Plan(queries.WEEKLY_GROUPS, span.arguments(), build)


def muscle_groups_recency(ask: Ask) -> Plan[rows.LastTrained]:
    """Days since each muscle group was last trained."""

    def build(found: list[rows.LastTrained]) -> models.Recency:
        last = {row.muscle_group: local_day(row.last_trained, ask.zone) for row in found}
        return models.Recency(
            {
                group: models.GroupRecency(
                    days=max(0, (ask.today - last[group]).days) if group in last else None,
                    date=last.get(group),
                )
                for group in (*MUSCLE_GROUPS, *sorted(last.keys() - set(MUSCLE_GROUPS)))
            }
        )

    return Plan(queries.LAST_TRAINED, {}, build)


def top_workouts(ask: Ask) -> Plan[rows.Workout]:
    """Workouts of most volume: of all time, or of the weeks that are asked for."""
    span = ask.span() if ask.has_span() else EVER
    return Plan(queries.TOP_WORKOUTS, {**span.arguments(), "limit": ask[LIMIT]}, models.TopWorkouts)


def records(ask: Ask) -> Plan[rows.Record]:
    """Personal records with their evidence, of one exercise or of all."""
    exercise = None
    if "exercise_id" in ask.path:
        exercise = parse_id(ask.path["exercise_id"])
        if exercise is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, f"{ask.path['exercise_id']!r} is not an exercise's id"
            )

    def build(found: list[rows.Record]) -> models.Records:
        return models.Records(found, E1RM_FORMULA, E1RM_MAX_REPS)

    return Plan(queries.RECORDS, {"exercise": exercise}, build)


def streak(ask: Ask) -> Plan[rows.TrainedWeek]:
    """Streaks: the current and the longest run of weeks with a workout."""

    def build(found: list[rows.TrainedWeek]) -> models.Streak:
        held = streaks([row.iso_week for row in found], ask.running_week)
        return models.Streak(held.current, held.longest, str(held.since) if held.since else None)

    return Plan(queries.TRAINED_WEEKS, {}, build)


def exercises(ask: Ask) -> Plan[rows.Exercise]:
    """Exercises in the user's workouts."""
    del ask
    return Plan(queries.EXERCISES, {}, models.Exercises)


def week(ask: Ask) -> Plan[rows.StatsOfWeek]:
    """One week's WeeklyStats."""
    try:
        asked = Week.parse(ask.path["week"])
    except ValueError as error:
        raise invalid("week", f"week: {error}") from error

    def build(found: list[rows.StatsOfWeek]) -> models.WeekStats:
        if not found:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"the user has no workout in {asked}")
        return models.WeekStats(**{**msgspec.structs.asdict(found[0]), "week": str(asked)})

    return Plan(queries.WEEK, {"year": asked.year, "week": asked.number}, build)


def _filled_span(ask: Ask) -> tuple[Span, bool, Week]:
    """Return the weeks asked for, whether to fill in the empty ones, and the running week."""
    span, fill = ask.span(), ask[FILL]
    if fill and len(span) > _MOST_FILLED_WEEKS:
        raise invalid("fill", f"fill: {len(span)} weeks are too many, over {_MOST_FILLED_WEEKS}")
    return span, fill, ask.running_week


def _filled(
    found: Iterable[WeekRow], span: Span, empty: Callable[[int, int], WeekRow]
) -> list[WeekRow]:
    held = {row.iso_week: row for row in found}
    return [held.get(week) or empty(*week) for week in span.weeks()]


def _shares(volumes: Mapping[str, Decimal]) -> dict[str, models.GroupVolume]:
    whole = total(volumes.values())
    return {
        group: models.GroupVolume(volume, percentage(volume, whole))
        for group, volume in volumes.items()
    }


def _sums(weeks: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    gathered: dict[str, list[Decimal]] = {}
    for volumes in weeks:
        for group, volume in volumes.items():
            gathered.setdefault(group, []).append(volume)
    return {group: total(each) for group, each in gathered.items()}
