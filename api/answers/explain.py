"""Where a week's figures come from: every set that counts, every row that is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import msgspec

from api import models, queries, rows
from api.answers.plan import Plan, asked_week
from api.parameters import Ask
from api.problems import ProblemError
from stream.domain.exact import total
from stream.domain.weekly_stats import UNKNOWN_GROUP
from stream.domain.weeks import local_day

_NOT_ARRIVED = rows.NamedExercise(0, None, None)


def explain(ask: Ask) -> Plan[rows.WeekInFull]:
    """Every workout, exercise and set of a week's figures, and every row left out."""
    week = asked_week(ask)

    def build(found: list[rows.WeekInFull]) -> models.WeekExplained:
        held = found[0]
        if held.week is None and not held.workouts:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"the user has no workout in {week}")
        named = {each.exercise_id: each for each in held.exercises}
        workouts = [_workout(each, named, ask) for each in held.workouts]
        sums = _sums(workouts)
        return models.WeekExplained(
            week=str(week),
            figures=sums,
            agrees=held.week is not None and sums == _figures(held.week),
            workouts=workouts,
            partial=week == ask.running_week,
        )

    return Plan(queries.WEEK_IN_FULL, {"year": week.year, "week": week.number}, build)


def _workout(
    workout: rows.WorkoutInFull, named: Mapping[int, rows.NamedExercise], ask: Ask
) -> models.WorkoutExplained:
    return models.WorkoutExplained(
        workout_id=workout.workout_id,
        date=workout.date,
        day=local_day(workout.date, ask.zone),
        name=workout.name,
        total_volume=workout.total_volume,
        exercises=[
            models.ExerciseExplained(
                each.performed_exercise_id,
                *_name_and_group(each.exercise_id, named),
                each.volume,
                each.sets,
            )
            for each in workout.exercises
        ],
        left_out=[
            models.RowLeftOut(
                each.performed_exercise_id,
                *_name_and_group(each.exercise_id, named),
                each.reason,
                each.reps_per_set,
                each.weights_per_set,
            )
            for each in workout.bad_rows
        ],
    )


def _name_and_group(
    exercise_id: int, named: Mapping[int, rows.NamedExercise]
) -> tuple[int, str | None, str]:
    exercise = named.get(exercise_id, _NOT_ARRIVED)
    return exercise_id, exercise.name, exercise.muscle_group or UNKNOWN_GROUP


def _sums(workouts: Iterable[models.WorkoutExplained]) -> models.WeekFigures:
    """Add up what is listed."""
    workouts = list(workouts)
    exercises = [each for workout in workouts for each in workout.exercises]
    sets = [each for exercise in exercises for each in exercise.sets]
    return models.WeekFigures(
        total_volume=total(each.volume for each in sets),
        workout_count=len(workouts),
        set_count=len(sets),
        rep_count=sum(each.reps for each in sets),
        volume_by_muscle_group={
            group: total(
                done.volume
                for exercise in exercises
                if exercise.muscle_group == group
                for done in exercise.sets
            )
            for group in sorted({each.muscle_group for each in exercises})
        },
        quarantined=sum(len(workout.left_out) for workout in workouts),
    )


def _figures(week: rows.StatsOfWeek) -> models.WeekFigures:
    names = models.WeekFigures.__struct_fields__
    return models.WeekFigures(
        **{name: value for name, value in msgspec.structs.asdict(week).items() if name in names}
    )
