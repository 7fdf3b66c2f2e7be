"""People who train, by chance: what an app's rows go through, and what the public topics say.

The same seed gives the same messages, byte by byte. Workouts come with their exercises, are edited,
moved to another day, and deleted; exercises are regrouped; some rows can't be counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from stream.sample.flow import SOURCE, Flow, PublicMessage

Row = dict[str, Any]

BEGIN = datetime(2026, 1, 5, 6, tzinfo=UTC)
GROUPS = ("chest", "back", "shoulders", "arms", "legs", "core", "")
NAMES = ("Squat", "Bench Press", "Deadlift", "Row", "Curl", "Press", "Plank", "Lunge")
BAD_REPS = '[10, "many"]'


class Lifters:
    """An app's tables, how they change, and the messages that follow.

    Attributes:
        tables: the rows by source topic and id, as they are now.

    Args:
        seed: what chance begins with.
        users: how many people train.
        zone: the time zone of weeks and days.
        repeats: how often, from 0 to 1, an earlier message comes once more, as it may after a
            failure: the latest of its key follows it then, so that a reader without a look at
            versions is right again, and one that looks is never wrong.
    """

    def __init__(self, seed: int, users: int = 3, zone: str = "UTC", repeats: float = 0.0) -> None:
        self.tables: dict[str, dict[int, Row]] = {topic: {} for topic in SOURCE.all}
        self._chance = random.Random(seed)  # noqa: S311 - it is to be foreseen
        self._users = users
        self._repeats = repeats
        self._flow = Flow(ZoneInfo(zone))
        self._clock = 0
        self._ids = 0
        self._said: list[PublicMessage] = []
        self._latest: dict[tuple[str, bytes], PublicMessage] = {}

    def messages(self, changes: int) -> Iterator[PublicMessage]:
        """Yield the messages of so many changes; call again to go on."""
        for _ in range(changes):
            for message in self._change():
                yield message
                self._said.append(message)
                self._latest[message.topic, message.key] = message
                if self._chance.random() < self._repeats:
                    late = self._chance.choice(self._said)
                    yield from (late, self._latest[late.topic, late.key])

    def _change(self) -> Iterator[PublicMessage]:
        if len(self.tables[SOURCE.exercise]) < len(NAMES):
            yield from self._add_exercise()
            return
        changes: tuple[Callable[[], Iterator[PublicMessage]], ...] = (
            *[self._add_workout] * 5,
            *[self._edit_sets] * 4,
            self._move_workout,
            self._delete_workout,
            self._delete_row,
            self._regroup,
        )
        yield from self._chance.choice(changes)()

    # -- what the app does

    def _add_exercise(self) -> Iterator[PublicMessage]:
        name = NAMES[len(self.tables[SOURCE.exercise])]
        row = {"name": name, "muscle_group": self._chance.choice(GROUPS), "owner_id": None}
        yield from self._put(SOURCE.exercise, self._new_id(), row)

    def _add_workout(self) -> Iterator[PublicMessage]:
        workout_id = self._new_id()
        row = {"user_id": self._chance.randint(1, self._users), "date": self._date(), "name": "Day"}
        yield from self._put(SOURCE.workout, workout_id, row)
        for _ in range(self._chance.randint(0, 4)):
            performed = {
                "workout_id": workout_id,
                "exercise_id": self._any(SOURCE.exercise),
                **self._lists(),
            }
            yield from self._put(SOURCE.performed, self._new_id(), performed)

    def _edit_sets(self) -> Iterator[PublicMessage]:
        row_id = self._any(SOURCE.performed)
        if row_id is not None:
            row = self.tables[SOURCE.performed][row_id] | self._lists()
            yield from self._put(SOURCE.performed, row_id, row)

    def _move_workout(self) -> Iterator[PublicMessage]:
        row_id = self._any(SOURCE.workout)
        if row_id is not None:
            row = self.tables[SOURCE.workout][row_id] | {"date": self._date()}
            yield from self._put(SOURCE.workout, row_id, row)

    def _delete_workout(self) -> Iterator[PublicMessage]:
        workout_id = self._any(SOURCE.workout)
        if workout_id is None:
            return
        rows = self.tables[SOURCE.performed].items()
        for row_id in [row_id for row_id, row in rows if row["workout_id"] == workout_id]:
            yield from self._delete(SOURCE.performed, row_id)
        yield from self._delete(SOURCE.workout, workout_id)

    def _delete_row(self) -> Iterator[PublicMessage]:
        row_id = self._any(SOURCE.performed)
        if row_id is not None:
            yield from self._delete(SOURCE.performed, row_id)

    def _regroup(self) -> Iterator[PublicMessage]:
        row_id = self._any(SOURCE.exercise)
        assert row_id is not None  # noqa: S101 - exercises are never deleted here
        group = {"muscle_group": self._chance.choice(GROUPS)}
        yield from self._put(SOURCE.exercise, row_id, self.tables[SOURCE.exercise][row_id] | group)

    # -- chance

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    def _any(self, topic: str) -> int | None:
        rows = self.tables[topic]
        return self._chance.choice([*rows]) if rows else None

    def _date(self) -> str:
        when = BEGIN + timedelta(
            days=self._chance.randint(0, 60), minutes=self._chance.randint(0, 900)
        )
        return when.isoformat().replace("+00:00", "Z")

    def _lists(self) -> Row:
        sets = self._chance.randint(1, 5)
        reps = [self._chance.randint(1, 15) for _ in range(sets)]
        weights = [self._chance.randint(8, 60) * 2.5 for _ in range(self._chance.randint(0, sets))]
        bad = self._chance.random() < 0.05
        return {
            "reps_per_set": BAD_REPS if bad else msgspec.json.encode(reps).decode(),
            "weights_per_set": msgspec.json.encode(weights).decode() if weights else None,
        }

    # -- what Debezium makes of it

    def _put(self, topic: str, row_id: int, row: Row) -> Iterator[PublicMessage]:
        operation = "u" if row_id in self.tables[topic] else "c"
        self.tables[topic][row_id] = row
        yield from self._event(topic, row_id, operation, {"id": row_id, **row})

    def _delete(self, topic: str, row_id: int) -> Iterator[PublicMessage]:
        del self.tables[topic][row_id]
        yield from self._event(topic, row_id, "d", None)

    def _event(
        self, topic: str, row_id: int, operation: str, after: Row | None
    ) -> Iterator[PublicMessage]:
        self._clock += 1
        seconds = int((BEGIN + timedelta(days=90, seconds=self._clock)).timestamp())
        source = {"lsn": 0x1_000_000 + 64 * self._clock, "ts_us": seconds * 1_000_000}
        event = {"op": operation, "before": None, "after": after, "source": source}
        key, value = b'{"id":%d}' % row_id, msgspec.json.encode(event)
        yield from self._flow.take(topic, key, value, seconds * 1000)
