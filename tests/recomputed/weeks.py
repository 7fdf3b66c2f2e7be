"""Answers about weeks: volume, frequency, figures, explanations, streaks."""

from __future__ import annotations

from datetime import date, timedelta

from tests.recomputed.asking import Answer, Asked, Asking
from tests.recomputed.history import Row, Workout, monday, named, week_of


def weekly_volume(at: Asking, asked: Asked) -> Answer:
    rows = []
    for week in at.shown(asked):
        count, volume = len(at.of_week(week)), at.volume(week)
        average = round(volume / count, 2) if count else 0
        row = {"week": named(week), "totalVolume": volume, "workoutCount": count}
        rows.append(row | {"avgVolumePerWorkout": average} | at.partial(week))
    return {"weekly_volumes": rows}


def weekly_frequency(at: Asking, asked: Asked) -> Answer:
    return {
        "weekly_frequency": [
            {"week": named(week), "workoutCount": len(at.of_week(week))} | at.partial(week)
            for week in at.shown(asked)
        ]
    }


def streak(at: Asking, asked: Asked) -> Answer:
    del asked
    mondays = {monday(week) for week in at.history.weeks if week <= at.running}
    a_week = timedelta(weeks=1)

    def length(end: date) -> int:
        count = 0
        while end - count * a_week in mondays:
            count += 1
        return count

    last = monday(at.running)
    current = length(last) or length(last - a_week)
    end = last if last in mondays else last - a_week
    since = named(week_of(end - (current - 1) * a_week)) if current else None
    longest = max(map(length, mondays), default=0)
    return {"current": current, "longest": longest, "since": since}


def week(at: Asking, asked: Asked, week: str) -> Answer:
    del asked
    held = at.history.stats.get(week)
    return None if held is None else {**held} | _partial(at, week)


def explain(at: Asking, asked: Asked, week: str) -> Answer:
    del asked
    held = at.history.stats.get(week)
    if held is None:
        return None
    names = ("total_volume", "workout_count", "set_count", "rep_count",
             "volume_by_muscle_group", "quarantined")  # fmt: skip
    workouts = [each for each in at.history.workouts if named(each.week) == week]
    return {
        "week": week,
        "figures": {name: held[name] for name in names},
        "agrees": True,
        "workouts": [_explained(at, each) for each in workouts],
    } | _partial(at, week)


def _explained(at: Asking, workout: Workout) -> Row:
    def named_row(performed_id: int, exercise_id: int) -> Row:
        name, group = at.history.name_and_group(exercise_id)
        ids = {"performed_exercise_id": performed_id, "exercise_id": exercise_id}
        return ids | {"exercise": name, "muscle_group": group}

    return {
        "workout_id": workout.id,
        "date": workout.at,
        "day": workout.day.isoformat(),
        "name": workout.name,
        "total_volume": workout.volume,
        "exercises": [
            named_row(each.performed_id, each.exercise_id)
            | {"volume": each.volume, "sets": each.sets}
            for each in workout.done
        ],
        "left_out": [
            named_row(each["performed_exercise_id"], each["exercise_id"])
            | {name: each[name] for name in ("reps_per_set", "weights_per_set")}
            for each in workout.bad
        ],
    }


def _partial(at: Asking, week: str) -> Row:
    return {"partial": True} if week == named(at.running) else {}
