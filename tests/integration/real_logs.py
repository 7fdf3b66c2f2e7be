"""The real logs as rows of a primary, and a read store that holds what is recomputed of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from typing import Any

import msgspec

from tests.integration.conftest import CREATED, ReadStore
from tests.topology.recompute import Recomputation
from tests.topology.source import Row, Tables

GROUPS = ("chest", "back", "shoulders", "arms", "legs", "core", "neck", "")

_encode = msgspec.json.Encoder(decimal_format="number").encode


def tables(zone: tzinfo) -> Tables:
    """Return every shipped log as users 1…4, each tenth performed exercise with a bad list."""
    held = Tables()
    ids: dict[str, int] = {}
    for user_id, line in _lines():
        logged = json.loads(line, parse_float=Decimal)
        workout_id = len(held.workouts) + 1
        when = datetime.fromisoformat(logged["ts"]).replace(tzinfo=zone).astimezone(UTC)
        held.workouts[workout_id] = _workout(user_id, when, logged["title"])
        for each in logged["exercises"]:
            exercise_id = ids.setdefault(each["name"], len(ids) + 1)
            performed_id = len(held.performed) + 1
            reps = [count or 0 for count in each["reps"]]
            held.performed[performed_id] = {
                "workout_id": workout_id,
                "exercise_id": exercise_id,
                "reps_per_set": _encode(reps if performed_id % 10 else ["x"]).decode(),
                "weights_per_set": _encode(each["weights"]).decode(),
            }
    for name, exercise_id in ids.items():
        if exercise_id % 11:  # the others have not arrived
            group = GROUPS[exercise_id % len(GROUPS)]
            held.exercises[exercise_id] = {"name": name, "muscle_group": group, "owner_id": None}
    return held


def add_lone_workout(held: Tables, user_id: int, when: datetime) -> None:
    """Give a user one workout, with one exercise."""
    workout_id, performed_id = len(held.workouts) + 1, len(held.performed) + 1
    held.workouts[workout_id] = _workout(user_id, when, "alone")
    held.performed[performed_id] = {
        "workout_id": workout_id, "exercise_id": 1,
        "reps_per_set": "[5,0]", "weights_per_set": "[92.5]",
    }  # fmt: skip


def until(held: Tables, moment: datetime) -> Tables:
    """Return the rows of workouts before a moment."""
    before = {
        workout_id: row
        for workout_id, row in held.workouts.items()
        if datetime.fromisoformat(row["date"]) < moment
    }
    return Tables(held.exercises, before, held.performed)


def fill(read_store: ReadStore, content: Recomputation) -> None:
    """Put what is recomputed into the read store, as a sink would have."""
    for row in content.exercises.values():
        read_store.insert("exercises", **row)
    for row in content.weekly_stats.values():
        year, week = row["week"].split("-W")
        times = {"created_at": CREATED, "updated_at": CREATED}
        _insert(read_store, "weekly_stats", row | times | {"year": int(year), "week": int(week)})
    for row in content.workouts.values():
        year, week = row["week"].split("-W")
        bad = [each | {"reason": "bad"} for each in row["bad_rows"]]
        more = {"year": int(year), "week": int(week), "bad_rows": bad}
        _insert(read_store, "workouts", row | more)
    for row in content.records.values():
        _insert(read_store, "personal_records", _renamed(row))


def plain(value: Any) -> Any:
    """Return figures with fractions as the decimals they are."""
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def _lines() -> Iterator[tuple[int, str]]:
    logs = sorted(files("infra").joinpath("data/logs").iterdir(), key=lambda each: each.name)
    for user_id, log in enumerate(logs, start=1):
        for line in log.read_text().splitlines():
            yield user_id, line


def _workout(user_id: int, when: datetime, name: str) -> Row:
    return {"user_id": user_id, "date": when.isoformat().replace("+00:00", "Z"), "name": name}


def _renamed(row: Row) -> Row:
    return {"set_number" if name == "set" else name: value for name, value in row.items()}


def _insert(read_store: ReadStore, table: str, row: Row) -> None:
    values = {
        name: _encode(value).decode() if isinstance(value, dict | list) else value
        for name, value in plain({**row, "version": 1}).items()
    }
    holes = ", ".join(f"%({name})s" for name in values)
    read_store.execute(
        f"INSERT INTO tonnage_g1.{table} ({', '.join(values)}) VALUES ({holes})", values
    )
