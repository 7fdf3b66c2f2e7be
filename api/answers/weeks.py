"""Answers about weeks as a whole: volume, frequency, a week's figures, streaks."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from api import models, queries, rows
from api.answers.plan import Plan, asked_week, filled
from api.parameters import Ask
from api.problems import ProblemError
from stream.domain.shares import average
from stream.domain.streaks import streaks


def weekly_volume(ask: Ask) -> Plan[rows.VolumeOfWeek]:
    """Volume, workouts and average volume of each week."""
    span = ask.span()

    def build(found: list[rows.VolumeOfWeek]) -> models.WeeklyVolumes:
        return models.WeeklyVolumes(
            [
                models.WeekVolume(
                    week=str(row.iso_week),
                    totalVolume=row.total_volume,
                    workoutCount=row.workout_count,
                    avgVolumePerWorkout=average(row.total_volume, row.workout_count),
                    partial=row.iso_week == ask.running_week,
                )
                for row in filled(found, ask, span, rows.VolumeOfWeek)
            ]
        )

    return Plan(queries.WEEKLY_VOLUME, span.arguments(), build)


def weekly_frequency(ask: Ask) -> Plan[rows.VolumeOfWeek]:
    """Workouts of each week."""
    span = ask.span()

    def build(found: list[rows.VolumeOfWeek]) -> models.WeeklyFrequency:
        return models.WeeklyFrequency(
            [
                models.WeekFrequency(
                    week=str(row.iso_week),
                    workoutCount=row.workout_count,
                    partial=row.iso_week == ask.running_week,
                )
                for row in filled(found, ask, span, rows.VolumeOfWeek)
            ]
        )

    return Plan(queries.WEEKLY_VOLUME, span.arguments(), build)


def streak(ask: Ask) -> Plan[rows.TrainedWeek]:
    """Streaks: the current and the longest run of weeks with a workout."""

    def build(found: list[rows.TrainedWeek]) -> models.Streak:
        held = streaks([row.iso_week for row in found], ask.running_week)
        return models.Streak(held.current, held.longest, str(held.since) if held.since else None)

    return Plan(queries.TRAINED_WEEKS, {}, build)


def week(ask: Ask) -> Plan[rows.StatsOfWeek]:
    """One week's WeeklyStats."""
    asked = asked_week(ask)

    def build(found: list[rows.StatsOfWeek]) -> models.WeekStats:
        if not found:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"the user has no workout in {asked}")
        figures = {**msgspec.structs.asdict(found[0]), "week": str(asked)}
        return models.WeekStats(**figures, partial=asked == ask.running_week)

    return Plan(queries.WEEK, {"year": asked.year, "week": asked.number}, build)
