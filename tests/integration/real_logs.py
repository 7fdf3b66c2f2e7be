"""The real logs and made users as rows of a primary, and a read store that the steps filled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from importlib.resources import files
from zoneinfo import ZoneInfo

import msgspec

from infra.bench.peers.unpublished import Unpublished
from stream.engine.outbox import VERSION_HEADER
from stream.sink import Sink, connections
from stream.steps.step import Record
from tests.integration.conftest import NOW, ReadStore
from tests.topology.driver import TOPICS, Pipeline
from tests.topology.source import Row, Source, Tables

Lift = tuple[int, str, str | None]
"""An exercise's id, its repetitions and its weights, as lists in JSON."""

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


def add_workout(held: Tables, user_id: int, when: datetime, *lifts: Lift) -> None:
    """Give a user a workout of these exercises."""
    workout_id = len(held.workouts) + 1
    held.workouts[workout_id] = _workout(user_id, when, "made")
    for exercise_id, reps, weights in lifts:
        held.performed[len(held.performed) + 1] = {
            "workout_id": workout_id, "exercise_id": exercise_id,
            "reps_per_set": reps, "weights_per_set": weights,
        }  # fmt: skip


def fill(read_store: ReadStore, held: Tables, zone: ZoneInfo) -> None:
    """Send the rows through the steps, and what they say through the sink."""
    pipeline = Pipeline(zone)
    source = Source(pipeline.emit)
    source.tables = held
    source.snapshot()
    pipeline.drain()
    records = [
        Record(topic, offset, key, value, 0, ((VERSION_HEADER, b"%d" % version),))
        for topic, rows in pipeline.read_store.items()
        for offset, (key, (version, value)) in enumerate(rows.items())
    ]

    async def write() -> None:
        async with connections(read_store.dsn) as pool:
            await Sink(TOPICS, pool, Unpublished()).run({0: records})

    asyncio.run(write())
    read_store.frontier("0/16B6C50", NOW)


def _lines() -> Iterator[tuple[int, str]]:
    logs = sorted(files("infra").joinpath("data/logs").iterdir(), key=lambda each: each.name)
    for user_id, log in enumerate(logs, start=1):
        for line in log.read_text().splitlines():
            yield user_id, line


def _workout(user_id: int, when: datetime, name: str) -> Row:
    return {"user_id": user_id, "date": when.isoformat().replace("+00:00", "Z"), "name": name}
