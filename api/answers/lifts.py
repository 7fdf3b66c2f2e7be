"""Answers about workouts and exercises: the best workouts, records, progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import groupby

from api import models, queries, rows
from api.answers.plan import Plan, asked_exercise, filled
from api.pages import Count, Id, Moment, Number, Pages, Text
from api.parameters import AT, LIMIT, PAGE, Ask
from api.spans import EVER
from stream.domain.exact import total
from stream.domain.records import (
    E1RM_FORMULA,
    E1RM_MAX_REPS,
    ESTIMATED_1RM,
    HEAVIEST_WEIGHT,
    Best,
    Bests,
    bests_of,
)
from stream.domain.sets import Sets
from stream.domain.weeks import Week, from_epoch_us, to_epoch_us
from stream.domain.workouts import Contribution, Counted, Place

_TOP = Pages(tuple[Number, Moment, Id])
_RECORDS = Pages(tuple[Id, Text, Count])
_EXERCISES = Pages(tuple[bool, Text, Id])


def top_workouts(ask: Ask) -> Plan[rows.Workout]:
    """Workouts of most volume: of all time, or of the weeks that are asked for."""
    span, size = ask.span() if ask.has_span() else EVER, ask.page_size(LIMIT)
    volume, date, workout = _TOP.after(ask) or (None, None, None)

    def build(found: list[rows.Workout]) -> models.TopWorkouts:
        key = lambda row: (f"{row.total_volume:f}", row.date, row.id)  # noqa: E731 - used once
        return models.TopWorkouts(*_TOP.cut(found, size, key))

    after = {"after_volume": volume, "after_date": date, "after_id": workout}
    return Plan(queries.TOP_WORKOUTS, {**span.arguments(), **after, "limit": size + 1}, build)


def exercises(ask: Ask) -> Plan[rows.Exercise]:
    """Exercises in the user's workouts."""
    size = ask.page_size(PAGE)
    nameless, name, exercise = _EXERCISES.after(ask) or (None, None, None)

    def build(found: list[rows.Exercise]) -> models.Exercises:
        key = lambda row: (row.name is None, row.name or "", row.exercise_id)  # noqa: E731
        return models.Exercises(*_EXERCISES.cut(found, size, key))

    after = {"after_nameless": nameless, "after_name": name, "after_id": exercise}
    return Plan(queries.EXERCISES, {**after, "limit": size + 1}, build)


def records(ask: Ask) -> Plan[rows.Record] | Plan[rows.Performed]:
    """Personal records with their evidence, of one exercise or of all."""
    exercise, size, after = asked_exercise(ask), ask.page_size(PAGE), _RECORDS.after(ask)

    def page(found: list[rows.Record]) -> models.Records:
        return models.Records(*_RECORDS.cut(found, size, _record_key), E1RM_FORMULA, E1RM_MAX_REPS)

    at = ask[AT]
    if at is None:
        exercise_after, kind, reps = after or (None, None, None)
        keys = {"after_exercise": exercise_after, "after_kind": kind, "after_reps": reps}
        return Plan(queries.RECORDS, {"exercise": exercise, **keys, "limit": size + 1}, page)
    # Midnight of the day after, in the deployment's zone.
    until = datetime.combine(at + timedelta(days=1), time(), ask.zone)

    def build(found: list[rows.Performed]) -> models.Records:
        standing = sorted(_records(found), key=_record_key)
        return page([each for each in standing if after is None or _record_key(each) > after])

    return Plan(queries.PERFORMED_UNTIL, {"exercise": exercise, "until": until}, build, heavy=True)


def progress(ask: Ask) -> Plan[rows.Performed]:
    """Progress in an exercise: each week's volume, sets, best set and estimated 1RM."""
    exercise, span = asked_exercise(ask), ask.span()

    def build(found: list[rows.Performed]) -> models.Progress:
        done: dict[Week, list[rows.Performed]] = {}
        for row in found:
            done.setdefault(Week.of(row.date, ask.zone), []).append(row)
        weeks = filled([rows.TrainedWeek(*week) for week in done], ask, span, rows.TrainedWeek)
        return models.Progress(
            exercise_id=exercise or 0,
            exercise=found[0].exercise if found else None,
            muscle_group=found[0].muscle_group if found else None,
            weeks=[
                _week(row.iso_week, done.get(row.iso_week, []), ask.running_week) for row in weeks
            ],
            formula=E1RM_FORMULA,
            e1rm_max_reps=E1RM_MAX_REPS,
        )

    return Plan(queries.PERFORMED_WITHIN, {"exercise": exercise, **span.arguments()}, build)


def _week(week: Week, done: list[rows.Performed], running: Week) -> models.WeekProgress:
    bests: Bests = next(iter(bests_of(_contributions(done)).values()), {})
    heaviest, strongest = bests.get(HEAVIEST_WEIGHT), bests.get(ESTIMATED_1RM)
    return models.WeekProgress(
        week=str(week),
        volume=total(row.volume for row in done),
        sets=sum(len(row.sets) for row in done),
        bestSet=None if heaviest is None else _best_set(heaviest),
        estimated1RM=None if strongest is None else strongest.value(ESTIMATED_1RM),
        partial=week == running,
    )


def _best_set(best: Best) -> models.BestSet:
    return models.BestSet(best.reps or 0, best.weight or Decimal(0), _evidence(best))


def _records(found: Iterable[rows.Performed]) -> Iterator[rows.Record]:
    """Find the records that these performed exercises, sorted by workout, hold."""
    found = list(found)
    names = {row.exercise_id: row.exercise for row in found}
    for exercise_id, bests in bests_of(_contributions(found)).items():
        for kind, best in bests.items():
            yield rows.Record(
                exercise_id, names[exercise_id], kind, best.reps, best.weight, best.value(kind),
                _evidence(best),
            )  # fmt: skip


def _contributions(found: Iterable[rows.Performed]) -> Iterator[tuple[int, Contribution]]:
    """Put performed exercises, sorted by workout, together as the domain knows workouts."""
    for (workout_id, date), performed in groupby(found, lambda row: (row.workout_id, row.date)):
        counted = tuple(
            Counted(
                row.performed_exercise_id,
                row.exercise_id,
                Sets(
                    tuple(each.reps for each in row.sets),
                    tuple(each.weight for each in row.sets),
                    row.volume,
                ),
            )
            for row in performed
        )
        yield workout_id, Contribution(Place(0, *Week.of(date)), "", to_epoch_us(date), counted, 0)


def _evidence(best: Best) -> rows.Evidence:
    date = from_epoch_us(best.date_us)
    return rows.Evidence(best.workout_id, date, best.performed_id, best.set_number)


def _record_key(record: rows.Record) -> tuple[int, str, int]:
    """Return what records are sorted by, the same as in the statement."""
    kind, _, reps = record.kind.partition(":")
    return record.exercise_id, kind, int(reps or 0)
