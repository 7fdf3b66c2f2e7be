"""What the read store must hold: a plain recomputation from the source's rows.

Written from the meanings alone, in fractions, with nothing of the stream's own folds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction
from functools import cached_property
from typing import Any

from tests.topology.source import Row, Tables

Content = dict[tuple[Any, ...], dict[str, Any]]
"""Rows of one output by their key; numbers are ints and Fractions."""


@dataclass(frozen=True)
class Lists:
    """The lists of a good performed exercise."""

    reps: list[int]
    weights: list[Fraction | None]

    @property
    def pairs(self) -> list[tuple[int, Fraction | None]]:
        padded = [*self.weights, *[None] * len(self.reps)]
        return list(zip(self.reps, padded, strict=False))

    @property
    def volume(self) -> Fraction:
        return Fraction(sum(reps * (weight or 0) for reps, weight in self.pairs))


@dataclass(frozen=True)
class Lifted:
    """One set that may hold a record."""

    date: datetime
    workout: int
    performed: int
    number: int
    reps: int
    weight: Fraction | None


def good_lists(row: Row) -> Lists | None:
    """Return the lists of a performed exercise, None where it is a bad row."""
    reps, weights = (
        None if text is None else json.loads(text, parse_float=Fraction)
        for text in (row["reps_per_set"], row["weights_per_set"])
    )
    if not isinstance(reps, list) or not isinstance(weights, list | None):
        return None
    if not all(type(each) is int and 0 <= each <= 10_000 for each in reps):
        return None
    for each in weights or []:
        if each is not None and (type(each) is str or not -10_000 <= each <= 10_000):
            return None
    return Lists(reps, [None if each is None else Fraction(each) for each in weights or []])


def moment(row: Row) -> datetime | None:
    """Return a workout's time, None where it can't be counted."""
    return None if row["date"].startswith("+") else datetime.fromisoformat(row["date"])


def iso(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


class Recomputation:
    """The content of each output, of the tables as they stand."""

    def __init__(self, tables: Tables, zone: tzinfo) -> None:
        self._zone = zone
        self._tables = tables
        self._rows: dict[int, list[tuple[int, Row, Lists | None]]] = defaultdict(list)
        for performed_id, row in sorted(tables.performed.items()):
            self._rows[row["workout_id"]].append((performed_id, row, good_lists(row)))
        self._workouts = {
            workout_id: (row, when)
            for workout_id, row in sorted(tables.workouts.items())
            if (when := moment(row)) is not None
        }

    def _group(self, exercise_id: int) -> str:
        row = self._tables.exercises.get(exercise_id)
        if row is None or not isinstance(row["muscle_group"], str):
            return "unknown"
        return row["muscle_group"] or "core"

    def _good(self, workout_id: int) -> Iterator[tuple[int, int, Lists]]:
        for performed_id, row, lists in self._rows[workout_id]:
            if lists is not None:
                yield performed_id, row["exercise_id"], lists

    def _week(self, when: datetime) -> tuple[int, str]:
        year, week, _ = when.astimezone(self._zone).isocalendar()
        return year, f"{year:04d}-W{week:02d}"

    @cached_property
    def exercises(self) -> Content:
        return {
            (exercise_id,): {
                "exercise_id": exercise_id,
                "name": row["name"],
                "muscle_group": self._group(exercise_id),
                "owner_id": row["owner_id"],
            }
            for exercise_id, row in self._tables.exercises.items()
            if isinstance(row["muscle_group"], str)
        }

    @cached_property
    def workouts(self) -> Content:
        return {
            (workout_id,): self._workout(workout_id, row, when)
            for workout_id, (row, when) in self._workouts.items()
        }

    def _workout(self, workout_id: int, row: Row, when: datetime) -> dict[str, Any]:
        exercises = [
            {
                "performed_exercise_id": performed_id,
                "exercise_id": exercise_id,
                "volume": lists.volume,
                "sets": [
                    {"set": n, "reps": reps, "weight": weight, "volume": reps * (weight or 0)}
                    for n, (reps, weight) in enumerate(lists.pairs, 1)
                ],
            }
            for performed_id, exercise_id, lists in self._good(workout_id)
        ]
        return {
            "workout_id": workout_id,
            "user_id": row["user_id"],
            "date": iso(when),
            "week": self._week(when)[1],
            "name": row["name"],
            "total_volume": sum(each["volume"] for each in exercises),
            "exercises": exercises,
            "bad_rows": [
                {
                    "performed_exercise_id": performed_id,
                    "exercise_id": bad["exercise_id"],
                    "reps_per_set": bad["reps_per_set"],
                    "weights_per_set": bad["weights_per_set"],
                }
                for performed_id, bad, lists in self._rows[workout_id]
                if lists is None
            ],
        }

    @cached_property
    def weekly_stats(self) -> Content:
        weeks: dict[tuple[int, int, str], list[int]] = defaultdict(list)
        for workout_id, (row, when) in self._workouts.items():
            weeks[row["user_id"], *self._week(when)].append(workout_id)
        return {
            (user_id, week): {
                "user_id": user_id,
                "year": year,
                "week": week,
                **self._figures(workout_ids),
            }
            for (user_id, year, week), workout_ids in weeks.items()
        }

    def _figures(self, workout_ids: list[int]) -> dict[str, Any]:
        of_group: dict[str, list[tuple[int, datetime, Lists]]] = defaultdict(list)
        of_day: dict[str, Fraction] = defaultdict(Fraction)
        bad = 0
        for workout_id in workout_ids:
            when = self._workouts[workout_id][1]
            day = when.astimezone(self._zone).date().isoformat()
            of_day[day] += 0
            bad += sum(lists is None for _, _, lists in self._rows[workout_id])
            for _, exercise_id, lists in self._good(workout_id):
                of_day[day] += lists.volume
                of_group[self._group(exercise_id)].append((workout_id, when, lists))
        done = [lists for each in of_group.values() for _, _, lists in each]
        return {
            "total_volume": sum(lists.volume for lists in done),
            "workout_count": len(workout_ids),
            "set_count": sum(len(lists.reps) for lists in done),
            "rep_count": sum(sum(lists.reps) for lists in done),
            "volume_by_muscle_group": {
                group: sum(lists.volume for _, _, lists in each) for group, each in of_group.items()
            },
            "sets_by_muscle_group": {
                group: sum(len(lists.reps) for _, _, lists in each)
                for group, each in of_group.items()
            },
            "sessions_by_muscle_group": {
                group: len({workout_id for workout_id, _, _ in each})
                for group, each in of_group.items()
            },
            "last_trained_by_muscle_group": {
                group: iso(max(when for _, when, _ in each)) for group, each in of_group.items()
            },
            "volume_by_day": dict(of_day),
            "quarantined": bad,
        }

    @cached_property
    def records(self) -> Content:
        lifted: dict[tuple[int, int], list[Lifted]] = defaultdict(list)
        for workout_id, (row, when) in self._workouts.items():
            for performed_id, exercise_id, lists in self._good(workout_id):
                lifted[row["user_id"], exercise_id] += [
                    Lifted(when, workout_id, performed_id, number, reps, weight)
                    for number, (reps, weight) in enumerate(lists.pairs, 1)
                    if reps >= 1
                ]
        return {
            (*owner, kind): {"user_id": owner[0], "exercise_id": owner[1], "kind": kind, **record}
            for owner, sets in lifted.items()
            if sets
            for kind, record in _records(sets)
        }

    @property
    def quarantine(self) -> set[tuple[str, int]]:
        """The bad rows: their table and id."""
        tables = self._tables
        return {
            *(("performed", each) for each, row in tables.performed.items() if not good_lists(row)),
            *(("workout", each) for each, row in tables.workouts.items() if not moment(row)),
            *(
                ("exercise", each)
                for each, row in tables.exercises.items()
                if not isinstance(row["muscle_group"], str)
            ),
        }


def _records(sets: list[Lifted]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the records that these sets of one user's exercise hold."""
    weighted = [each for each in sets if each.weight is not None and each.weight > 0]

    def best(among: list[Lifted], score: Mapping[Lifted, Fraction]) -> Lifted:
        return min(among, key=lambda s: (-score[s], s.date, s.workout, s.performed, s.number))

    weights = {each: each.weight or Fraction(0) for each in sets}
    claims = [("set_reps", sets, {each: Fraction(each.reps) for each in sets})]
    claims += [("heaviest_weight", weighted, weights)]
    for reps in {each.reps for each in weighted}:
        same = [each for each in weighted if each.reps == reps]
        claims += [(f"heaviest_weight:{reps}", same, weights)]
    few = [each for each in weighted if each.reps <= 12]
    claims += [("estimated_1rm", few, {s: weights[s] * (1 + Fraction(s.reps, 30)) for s in few})]
    for kind, among, score in claims:
        if among:
            holder = best(among, score)
            value = score[holder]
            if kind == "estimated_1rm":
                value = Fraction(round(value * 100), 100)
            yield (
                kind,
                {
                    "value": value,
                    "reps": holder.reps,
                    "weight": holder.weight,
                    "workout_id": holder.workout,
                    "date": iso(holder.date),
                    "performed_exercise_id": holder.performed,
                    "set": holder.number,
                },
            )
    volumes: dict[tuple[datetime, int], Fraction] = defaultdict(Fraction)
    for each in sets:
        volumes[each.date, each.workout] += each.reps * weights[each]
    (date, workout_id), most = min(volumes.items(), key=lambda item: (-item[1], item[0]))
    yield (
        "workout_volume",
        {
            "value": most,
            "reps": None,
            "weight": None,
            "workout_id": workout_id,
            "date": iso(date),
            "performed_exercise_id": None,
            "set": None,
        },
    )
