"""A small primary, and the events that Debezium makes of its changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

Row = dict[str, Any]

EXERCISE, WORKOUT, PERFORMED = "exercise", "workout", "performed"

LEFT_OUT = "__debezium_unavailable_value"

GROUPS: Final = ("core", "legs", "", "grip", 5)
"""The last is what a column of another type would hold: its exercise can't be read."""

DATES: Final = (
    "2020-12-31T23:30:00Z",
    "2021-01-01T04:59:59.999999Z",
    "2021-01-04T03:00:00Z",
    "2021-03-14T06:59:00Z",
    "2021-03-15T03:30:00Z",
    "2026-11-16T07:10:22Z",
    "+10000-01-01T00:00:00Z",
)
"""Year edges with week 53, and the start of summer time in New York. The last has no day."""

SETS: Final = (
    ("[10,8]", "[100,92.5]"),
    ("[5]", "[100]"),
    ("[8,8]", None),
    ("[1]", "[120]"),
    ("[5,5]", "[100,null]"),
    ('[10,"x"]', "[100]"),
    ("[12,13]", "[60,60]"),
    ("[5]", "[100,50]"),
    ("[]", "[]"),
    ("[0,3]", "[100,-20]"),
    ("[10]", "[10001]"),
    ("[2]", "[0.1]"),
)
"""Two of them are bad."""

Emit = Callable[[str, bytes, bytes | None, int], None]
"""Appends (table, key, value, timestamp in ms) to the table's topic."""


@dataclass
class Tables:
    """The rows of the primary, by their ids."""

    exercises: dict[int, Row] = field(default_factory=dict)
    workouts: dict[int, Row] = field(default_factory=dict)
    performed: dict[int, Row] = field(default_factory=dict)

    def named(self, table: str) -> dict[int, Row]:
        return {EXERCISE: self.exercises, WORKOUT: self.workouts, PERFORMED: self.performed}[table]


class Source:
    """Changes rows, and emits what Debezium emits with the default replica identity."""

    def __init__(self, emit: Emit) -> None:
        self.tables = Tables()
        self._emit = emit
        self._clock = 0

    # -- what the app does

    def put_exercise(self, exercise_id: int, name: int, group: int) -> None:
        row = {"name": f"Lift {name}", "muscle_group": GROUPS[group], "owner_id": None}
        self._put(EXERCISE, exercise_id, row)

    def put_workout(self, workout_id: int, user_id: int, date: int, name: int) -> None:
        row = {"user_id": user_id, "date": DATES[date], "name": f"Day {name}", "total_volume": 7}
        self._put(WORKOUT, workout_id, row)

    def put_performed(self, performed_id: int, workout_id: int, exercise_id: int, n: int) -> None:
        reps, weights = SETS[n]
        row = {
            "workout_id": workout_id,
            "exercise_id": exercise_id,
            "sets": 99,
            "reps_per_set": reps,
            "weights_per_set": weights,
        }
        self._put(PERFORMED, performed_id, row)

    def move_performed(self, performed_id: int, workout_id: int, exercise_id: int) -> None:
        """Change all but the lists, which are so long that Debezium leaves them out."""
        row = self.tables.performed.get(performed_id)
        if row is not None:
            row |= {"workout_id": workout_id, "exercise_id": exercise_id}
            left_out = {"reps_per_set": LEFT_OUT, "weights_per_set": LEFT_OUT}
            if row["weights_per_set"] is None:
                del left_out["weights_per_set"]
            self._event(PERFORMED, performed_id, "u", row | left_out)

    def drop(self, table: str, row_id: int) -> None:
        if self.tables.named(table).pop(row_id, None) is not None:
            self._gone(table, row_id)

    def cascade(self, workout_id: int) -> None:
        """Delete a workout as the app does: the children first."""
        for performed_id in self._children(workout_id):
            self.drop(PERFORMED, performed_id)
        self.drop(WORKOUT, workout_id)

    def rekey(self, table: str, old: int, new: int) -> None:
        """Change a primary key: a delete and a create; a workout's children follow it."""
        rows = self.tables.named(table)
        if old not in rows or new in rows:
            return
        rows[new] = rows.pop(old)
        self._gone(table, old)
        self._event(table, new, "c", rows[new])
        if table == WORKOUT:
            for performed_id in self._children(old):
                row = self.tables.performed[performed_id]
                row["workout_id"] = new
                self._event(PERFORMED, performed_id, "u", row)

    def snapshot(self) -> None:
        """Read every row again, as an incremental snapshot does: without an LSN."""
        for table in (EXERCISE, WORKOUT, PERFORMED):
            for row_id, row in self.tables.named(table).items():
                self._event(table, row_id, "r", row)

    # -- what Debezium makes of it

    def _children(self, workout_id: int) -> list[int]:
        rows = self.tables.performed.items()
        return [performed_id for performed_id, row in rows if row["workout_id"] == workout_id]

    def _put(self, table: str, row_id: int, row: Row) -> None:
        rows = self.tables.named(table)
        operation = "u" if row_id in rows else "c"
        rows[row_id] = row
        self._event(table, row_id, operation, row)

    def _gone(self, table: str, row_id: int) -> None:
        self._event(table, row_id, "d", None)
        self._emit(table, row_key(row_id), None, self._clock)

    def _event(self, table: str, row_id: int, operation: str, after: Row | None) -> None:
        self._clock += 1
        lower = 25 if self._clock % 3 == 0 else 0  # of a transaction open during the snapshot
        event = {
            "op": operation,
            "before": {"id": row_id, "workout_id": 0, "user_id": 0} if after is None else None,
            "after": None if after is None else {"id": row_id, **after},
            "source": {
                "lsn": None if operation == "r" else 1000 + 10 * self._clock - lower,
                "ts_ms": self._clock * 1000,
                "snapshot": "incremental" if operation == "r" else "false",
            },
            "ts_ms": self._clock * 1000 + 5,
        }
        self._emit(table, row_key(row_id), msgspec.json.encode(event), self._clock * 1000)


def row_key(row_id: int) -> bytes:
    return b'{"id":%d}' % row_id
