"""Every question of the API, asked in many ways, and its answer held to the recomputation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any

from tests.recomputed.answers import Answers
from tests.recomputed.history import History, named, week_of

Question = tuple[str, dict[str, str], tuple[str, ...]]
"""A path with its hole, the parameters, and what fills the hole."""

Ask = Callable[[str, dict[str, str]], dict[str, Any] | None]
"""Asks about a user; None for a 404. Numbers are exact."""

BY_WEEK = ("weekly-volume", "weekly-frequency", "muscle-groups/weekly")
MOVED = ("weekly-volume", "weekly-frequency", "muscle-groups", "muscle-groups/summary")
LISTS = {"top-workouts": "top_workouts", "records": "records", "exercises": "exercises",
         "records/{exercise_id}": "records"}  # fmt: skip
SPANS = [
    {"start": "2020-12-28", "end": "2021-01-04"},
    {"start": "2021-01-03", "end": "2021-01-03"},
    {"start": "2021-03-08", "end": "2021-11-14"},
    {"start": "1999-12-31", "end": "2026-02-01"},
    {"end": "2025-06-01"},
]
ZERO = {"fill": "zero"}
AT = ("2020-12-31", "2021-01-03", "2021-03-13", "2021-03-28", "2021-11-07", "2025-06-18")
WEEKS = ("2020-W52", "2020-W53", "2021-W01", "2021-W12", "2021-W44", "2025-W01")


def answer(status: int, text: str) -> dict[str, Any] | None:
    """Take an answer of the API's as `Ask` returns it; there is no other than 200 and 404."""
    if status == 404:
        return None
    assert status == 200, text
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return found


def of_now(today: str) -> Iterator[Question]:
    """Go through the questions whose answer depends on the day."""
    for question in BY_WEEK:
        yield question, {}, ()
        yield question, ZERO, ()
    for question in ("muscle-groups", "muscle-groups/summary", "muscle-groups/comparison",
                     "muscle-groups/balance", "muscle-groups/recency", "year-over-year",
                     "streak", "calendar"):  # fmt: skip
        yield question, {}, ()
    for weeks, recent, threshold in (("1", "1", "0"), ("52", "4", "0.1"), ("520", "3", "1")):
        asked = {"weeks": weeks, "recent": recent, "threshold": threshold}
        yield "muscle-groups/balance", asked, ()
    running = named(week_of(datetime.fromisoformat(today).date()))
    yield "weeks/{week}", {}, (running,)
    yield "weeks/{week}/explain", {}, (running,)


def of_history(history: History) -> Iterator[Question]:
    """Go through the questions whose answer is the same on any day."""
    for question, span, fill in product(BY_WEEK, SPANS, ({}, ZERO)):
        yield question, span | fill, ()
    for question, span in product(("muscle-groups", "top-workouts"), SPANS):
        yield question, span | ({"limit": "400"} if question == "top-workouts" else {}), ()
    for year, fill in product(("2015", "2016", "2020", "2021", "2025"), ({}, ZERO)):
        yield "calendar", {"year": year} | fill, ()
    for year in ("2015", "2016", "2020", "2021", "2025"):
        yield "year-over-year", {"year": year}, ()
    for question in ("top-workouts", "records", "exercises"):
        yield question, {"limit": "400"}, ()
    done = sorted({each.exercise_id for workout in history.workouts for each in workout.done})
    for exercise_id in [*done[:5], *done[-5:], 10**9]:
        yield "records/{exercise_id}", {}, (str(exercise_id),)
        for span, fill in product(SPANS[2:4], ({}, ZERO)):
            yield "exercises/{exercise_id}/progress", span | fill, (str(exercise_id),)
    for week in WEEKS:
        yield "weeks/{week}", {}, (week,)
        yield "weeks/{week}/explain", {}, (week,)


def hold(ask: Ask, answers: Answers, user: int, now: datetime, question: Question) -> None:
    """Ask a question, and fail where the answer is not the recomputation's."""
    path, asked, of = question
    found = whole(ask, filled(path, of), asked, LISTS.get(path))
    expected = answers.to(user, now, path, asked, *of)
    where = (user, now.isoformat(), path, asked, of)
    if found is None or expected is None:
        assert found is expected, where
        return
    meta = found.pop("meta")
    assert meta["quarantined"] == sum(len(each.bad) for each in answers.history(user).workouts)
    assert told(found, path) == expected, where


def filled(path: str, of: tuple[str, ...]) -> str:
    """Return a path without its hole."""
    return path.format(exercise_id=of[0], week=of[0]) if of else path


def whole(ask: Ask, path: str, asked: dict[str, str], entries: str | None) -> Any:
    """Ask a question; a list that comes in pages is put together."""
    found = ask(path, asked)
    if found is None or entries is None:
        return found
    cursor = found.pop("next_cursor")
    while cursor is not None:
        page = ask(path, asked | {"cursor": cursor})
        assert page is not None
        found[entries] += page[entries]
        cursor = page["next_cursor"]
    return found


def told(found: dict[str, Any], path: str) -> dict[str, Any]:
    """Return an answer without what no recomputation can know: times of writing, and wording."""
    if path == "weeks/{week}":
        assert found.pop("created_at") <= found.pop("updated_at")
    if path == "weeks/{week}/explain":
        for workout in found["workouts"]:
            assert all(each.pop("reason") for each in workout["left_out"])
    return found


def hold_explanation(ask: Ask, week: str) -> None:
    """Add up what a week's explanation lists, and fail where it is not each of its figures."""
    explained, figures = ask(f"weeks/{week}/explain", {}), ask(f"weeks/{week}", {})
    assert explained is not None
    assert figures is not None
    assert explained["agrees"]
    workouts = explained["workouts"]
    lifts = [(workout, each) for workout in workouts for each in workout["exercises"]]
    sets = [(workout, lift, one) for workout, lift in lifts for one in lift["sets"]]
    volumes = [one["reps"] * (one["weight"] or Decimal(0)) for _, _, one in sets]
    groups = {lift["muscle_group"] for _, lift in lifts}
    summed = {
        "total_volume": sum(volumes),
        "workout_count": len(workouts),
        "set_count": len(sets),
        "rep_count": sum(one["reps"] for _, _, one in sets),
        "volume_by_muscle_group": {
            group: sum(
                volume
                for volume, (_, lift, _) in zip(volumes, sets, strict=True)
                if lift["muscle_group"] == group
            )
            for group in groups
        },
        "sets_by_muscle_group": {
            group: sum(lift["muscle_group"] == group for _, lift, _ in sets) for group in groups
        },
        "sessions_by_muscle_group": {
            group: len({w["workout_id"] for w, lift in lifts if lift["muscle_group"] == group})
            for group in groups
        },
        "last_trained_by_muscle_group": {
            group: max(
                (w["date"] for w, lift in lifts if lift["muscle_group"] == group),
                key=datetime.fromisoformat,
            )
            for group in groups
        },
        "volume_by_day": {
            day: sum(
                volume
                for volume, (workout, _, _) in zip(volumes, sets, strict=True)
                if workout["day"] == day
            )
            for day in {workout["day"] for workout in workouts}
        },
        "quarantined": sum(len(workout["left_out"]) for workout in workouts),
    }
    outside = ("user_id", "year", "week", "created_at", "updated_at", "partial", "meta")
    assert summed == {name: each for name, each in figures.items() if name not in outside}
    assert explained["figures"] == {name: summed[name] for name in explained["figures"]}
