"""Answers about workouts and exercises: the best workouts, records, progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from tests.recomputed.asking import Answer, Asked, Asking
from tests.recomputed.history import Done, Row, Workout, named

FORMULA = {"formula": "epley", "e1rm_max_reps": 12}


def top_workouts(at: Asking, asked: Asked) -> Answer:
    ranged = "start" in asked or "end" in asked
    among = at.history.between(*at.span(asked)) if ranged else at.history.workouts
    # Among equals the order stays: the oldest first.
    best = sorted(among, key=lambda each: -each.volume)
    return {
        "top_workouts": [
            {
                "id": each.id,
                "date": each.at,
                "name": each.name,
                "total_volume": each.volume,
                "exercise_count": len(each.done) + len(each.bad),
            }
            for each in best
        ]
    }


def records(at: Asking, asked: Asked, of: str | None = None) -> Answer:
    held = at.until(date.fromisoformat(asked["at"])) if "at" in asked else at.history
    rows = [row for row in held.records.values() if of in (None, str(row["exercise_id"]))]

    def key(row: Row) -> tuple[int, str, int]:
        kind, _, reps = row["kind"].partition(":")
        return row["exercise_id"], kind, int(reps or 0)

    return {
        "records": [
            {name: row[name] for name in ("exercise_id", "kind", "reps", "weight", "value")}
            | {"exercise": at.history.name_and_group(row["exercise_id"])[0]}
            | {"evidence": {name: row[name] for name in _EVIDENCE}}
            for row in sorted(rows, key=key)
        ]
    } | FORMULA


_EVIDENCE = ("workout_id", "date", "performed_exercise_id", "set")


def exercises(at: Asking, asked: Asked) -> Answer:
    del asked
    done: dict[int, list[Workout]] = defaultdict(list)
    for workout in at.history.workouts:
        for exercise_id in {each.exercise_id for each in workout.done}:
            done[exercise_id].append(workout)
    rows = []
    for exercise_id, workouts in done.items():
        arrived: Mapping[str, object] = at.history.exercises.get(exercise_id, {})
        rows.append(
            {
                "exercise_id": exercise_id,
                "name": arrived.get("name"),
                "muscle_group": arrived.get("muscle_group"),
                "is_custom": arrived.get("owner_id") is not None,
                "sessions": len(workouts),
                "last_performed": workouts[-1].at,
            }
        )
    rows.sort(key=lambda row: (row["name"] is None, row["name"] or "", row["exercise_id"]))
    return {"exercises": rows}


def progress(at: Asking, asked: Asked, of: str) -> Answer:
    exercise_id = int(of)
    lifts = {
        week: [
            (workout, each)
            for workout in at.of_week(week)
            for each in sorted(workout.done, key=lambda each: each.performed_id)
            if each.exercise_id == exercise_id
        ]
        for week in at.shown({**asked, "fill": "zero"})
    }
    arrived = at.history.exercises.get(exercise_id, {}) if any(lifts.values()) else {}
    return {
        "exercise_id": exercise_id,
        "exercise": arrived.get("name"),
        "muscle_group": arrived.get("muscle_group"),
        "weeks": [
            {"week": named(week)} | _of_week(done) | at.partial(week)
            for week, done in lifts.items()
            if done or asked.get("fill") == "zero"
        ],
    } | FORMULA


def _of_week(done: list[tuple[Workout, Done]]) -> Row:
    lifted = [
        (workout, each, one)
        for workout, each in done
        for one in each.sets
        if one["reps"] >= 1 and (one["weight"] or 0) > 0
    ]
    # max and min take the first of equals, and the lifts are in their order.
    best = max(lifted, key=lambda lift: Fraction(lift[2]["weight"]), default=None)
    maxima = [
        one["weight"] * (1 + Fraction(one["reps"], 30)) for _, _, one in lifted if one["reps"] <= 12
    ]
    return {
        "volume": sum((each.volume for _, each in done), Fraction()),
        "sets": sum(len(each.sets) for _, each in done),
        "bestSet": None if best is None else _best_set(*best),
        "estimated1RM": round(max(maxima), 2) if maxima else None,
    }


def _best_set(workout: Workout, done: Done, one: Row) -> Row:
    return {
        "reps": one["reps"],
        "weight": one["weight"],
        "evidence": {
            "workout_id": workout.id,
            "date": workout.at,
            "performed_exercise_id": done.performed_id,
            "set": one["set"],
        },
    }
