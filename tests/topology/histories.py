"""Histories: what an app does and what befalls its events, as plain lists of operations.

An operation is the name of a method of World with small numbers, so that a history that fails
shrinks, prints, and can be kept as it stands.
"""

from __future__ import annotations

import os
from collections import defaultdict
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from stream.domain.workouts import Place
from stream.steps.keys import week_key
from stream.steps.week_state import decode_week
from tests.topology.driver import PARTITIONS, TABLE_TOPICS, TOPICS, Cut, Fold, Pipeline, Write
from tests.topology.recompute import Content, Recomputation
from tests.topology.source import (
    DATES,
    EXERCISE,
    GROUPS,
    LEFT_OUT,
    PERFORMED,
    SETS,
    WORKOUT,
    Source,
    row_key,
)

Operation = tuple[Any, ...]
History = list[Operation]

thorough = settings(
    max_examples=1_000_000 if os.environ.get("TONNAGE_HYPOTHESIS") == "long" else 1500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
"""How long a test looks: a minute for all of them, or hours."""

TABLES = (EXERCISE, WORKOUT, PERFORMED)
OUTSIDE_EQUALITY = ("as_of", "created_at", "updated_at", "reason")

_decode = msgspec.json.Decoder(float_hook=Fraction).decode


class World:
    """A source, its pipeline, and the invariants that hold between the two."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self.pipeline = Pipeline(self.zone)
        self.said: list[Write] = []
        self.pipeline.on_output = self._hear
        self.pipeline.on_fold = hold_weeks_to_their_exercises
        self.source = Source(self.pipeline.emit)

    def play(self, history: History) -> None:
        """Apply the operations, and hold the end to a recomputation."""
        for name, *arguments in history:
            getattr(self, name)(*arguments)
        self.settle()

    # -- the app

    def put_exercise(self, exercise_id: int, name: int, group: int) -> None:
        self.source.put_exercise(exercise_id, name, group)

    def put_workout(self, workout_id: int, user_id: int, date: int, name: int) -> None:
        self.source.put_workout(workout_id, user_id, date, name)

    def put_performed(self, performed_id: int, workout_id: int, exercise_id: int, n: int) -> None:
        self.source.put_performed(performed_id, workout_id, exercise_id, n)

    def move_performed(self, performed_id: int, workout_id: int, exercise_id: int) -> None:
        self.source.move_performed(performed_id, workout_id, exercise_id)

    def drop(self, table: int, row_id: int) -> None:
        self.source.drop(TABLES[table], row_id)

    def cascade(self, workout_id: int) -> None:
        self.source.cascade(workout_id)

    def rekey(self, table: int, old: int, new: int) -> None:
        self.source.rekey(TABLES[table], old, new)

    def snapshot(self) -> None:
        self.source.snapshot()

    # -- the operator

    def retry(self, table: int, row_id: int) -> None:
        """Ask for a row to be judged anew, whether it is on the list or not."""
        self.pipeline.ask_again(TABLES[table], row_key(row_id))

    # -- the connector and the broker

    def repeat(self, table: int, partition: int, count: int) -> None:
        self.pipeline.log(TABLE_TOPICS[TABLES[table]], partition).repeat(count)

    def compact_source(self, table: int, partition: int) -> None:
        self.pipeline.compact_source(TABLES[table], partition)

    def compact_ahead(self) -> None:
        self.pipeline.compact_ahead()

    def compact_changelog(self, step: int, partition: int) -> None:
        self.pipeline.compact_changelog(step, partition)

    # -- the workers

    def run(self, step: int, partitions: int, topics: int, size: int) -> None:
        self.pipeline.run(Cut(step, partitions, topics, size))

    def flow(self, last: int, size: int) -> None:
        """Let the steps up to one run once, so that something waits for the next."""
        for step in range(last + 1):
            self.pipeline.run(Cut(step, size=size))

    def crash(
        self, step: int, partitions: int, topics: int, size: int, written: int, lost: int
    ) -> None:
        self.pipeline.crash(Cut(step, partitions, topics, size), written, lost=bool(lost))

    def crash_changelog(self, step: int, missing: int) -> None:
        self.pipeline.crash_changelog(step, missing)

    def crash_after_store(self, step: int, partitions: int, topics: int, size: int) -> None:
        self.pipeline.crash_after_store(Cut(step, partitions, topics, size))

    def hand_over(self, step: int, partition: int, lost: int) -> None:
        self.pipeline.hand_over(step, partition, lost=bool(lost))

    def rewind(self, step: int, partition: int, back: int) -> None:
        self.pipeline.rewind(step, partition, back)

    def pause(self, step: int, partition: int) -> None:
        self.pipeline.pause(step, partition)

    def wake(self, number: int, size: int, written: int | None) -> None:
        if number < len(self.pipeline.zombies):
            self.pipeline.wake(number, size, written)

    def adopt(self, number: int) -> None:
        if number < len(self.pipeline.zombies):
            self.pipeline.adopt(number)

    # -- the invariants

    def settle(self) -> None:
        """Let the pipeline catch up, and compare the read store with a recomputation."""
        self.pipeline.drain()
        expected = Recomputation(self.source.tables, self.zone)
        assert self.content(TOPICS.exercises) == expected.exercises
        assert self.content(TOPICS.workouts) == expected.workouts
        assert self.content(TOPICS.weekly_stats) == expected.weekly_stats
        assert self.content(TOPICS.records) == expected.records
        assert self.quarantined() == expected.quarantine
        self._hold_the_list_to_its_rows()

    def content(self, topic: str) -> Content:
        """Return what the read store holds of an output."""
        return {
            tuple(_decode(key).values()): meaning(value)
            for key, (_, value) in self.pipeline.read_store[topic].items()
            if value is not None
        }

    def quarantined(self) -> set[tuple[str, int]]:
        tables = {topic: table for table, topic in TABLE_TOPICS.items()}
        return {
            (tables[topic], _decode(row_key)["id"])
            for topic, row_key in self.content(TOPICS.quarantine)
        }

    def _hold_the_list_to_its_rows(self) -> None:
        """The event that is listed is of the row as it is, never of one before."""
        tables = {topic: table for table, topic in TABLE_TOPICS.items()}
        for (topic, key), listed in self.content(TOPICS.quarantine).items():
            row = self.source.tables.named(tables[topic])[_decode(key)["id"]]
            after = _decode(listed["event"])["after"]
            assert known(after).items() <= {**after, **row}.items()

    def _hear(self, write: Write) -> None:
        """Hold every week and every workout that is ever said to its own total."""
        self.said.append(write)
        if write.value is None:
            return
        if write.topic == TOPICS.workouts:
            workout = _decode(write.value)
            for each in workout["exercises"]:
                assert sum(one["volume"] for one in each["sets"]) == each["volume"]
            assert sum(each["volume"] for each in workout["exercises"]) == workout["total_volume"]
        if write.topic == TOPICS.weekly_stats:
            week = _decode(write.value)
            assert sum(week["volume_by_muscle_group"].values()) == week["total_volume"]
            assert sum(week["volume_by_day"].values()) == week["total_volume"]
            assert week["created_at"] <= week["updated_at"]
            assert set(week["volume_by_muscle_group"]) == set(week["sessions_by_muscle_group"])

    def sequences(self) -> dict[tuple[str, bytes], list[dict[str, Any] | None]]:
        """Return what was said of each key of the public outputs, in its order."""
        said = defaultdict(list)
        for write in self.said:
            if write.topic != TOPICS.quarantine:
                value = None if write.value is None else meaning(write.value)
                said[write.topic, write.key].append(value)
        return said


def hold_weeks_to_their_exercises(fold: Fold) -> None:
    """What a week says at any time is the sum of the exercises that it holds just then."""
    for (topic, partition), writes in fold.writes.items():
        for write in writes if topic == TOPICS.weekly_stats else ():
            key = _decode(write.key)
            year, _, number = key["week"].partition("-W")
            held = fold.states[partition].get(
                week_key(Place(key["user_id"], int(year), int(number)))
            )
            assert held is not None
            of_exercise: dict[int, Fraction] = defaultdict(Fraction)
            for _, contribution in decode_week(held).live():
                for row in contribution.rows:
                    of_exercise[row.exercise_id] += Fraction(row.sets.volume)
            said = 0 if write.value is None else _decode(write.value)["total_volume"]
            assert sum(of_exercise.values()) == said


def known(after: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of an event that were not left out of it."""
    return {name: value for name, value in after.items() if value != LEFT_OUT}


def meaning(value: bytes) -> dict[str, Any]:
    """Return what of a value counts when two are compared."""
    content: dict[str, Any] = _decode(value)
    for bad in content.get("bad_rows", ()):
        del bad["reason"]
    return {name: each for name, each in content.items() if name not in OUTSIDE_EQUALITY}


def _up_to(most: int) -> SearchStrategy[int]:
    return st.integers(0, most)


def _operation(name: str, *numbers: SearchStrategy[Any]) -> SearchStrategy[Operation]:
    return st.tuples(st.just(name), *numbers)


_id = st.sampled_from([1, 1, 2, 3])
_table = _step = _up_to(2)
_partition = _up_to(PARTITIONS - 1)
_size = st.sampled_from([1, 2, 3, 99])
_cut = (_step, st.integers(1, 2**PARTITIONS - 1), st.integers(1, 15), _size)
_late_cut = (st.just(2), st.just(3), st.just(15), _size)
_written = _up_to(10_000)
_sets = st.one_of(_up_to(1), _up_to(len(SETS) - 1))
_date = st.one_of(_up_to(1), _up_to(len(DATES) - 1))
_group = st.one_of(_up_to(1), _up_to(len(GROUPS) - 1))

whole_rows: SearchStrategy[Operation] = st.one_of(
    _operation("put_performed", st.integers(1, 4), _id, _id, _sets),
    _operation("put_performed", st.just(1), st.just(1), st.just(1), _sets),
    _operation("put_workout", _id, _id, _date, _up_to(1)),
    _operation("put_exercise", _id, _up_to(1), _group),
    _operation("drop", _table, _id),
    _operation("cascade", _id),
    _operation("rekey", _table, _id, _id),
    _operation("snapshot"),
    _operation("repeat", _table, _partition, st.integers(1, 6)),
)
"""Changes whose events hold the whole row."""

app_operations: SearchStrategy[Operation] = st.one_of(
    whole_rows, whole_rows, _operation("move_performed", st.integers(1, 4), _id, _id)
)
runs: SearchStrategy[Operation] = st.one_of(
    _operation("run", *_cut), _operation("flow", _step, _size), _operation("flow", _step, _size)
)
retries: SearchStrategy[Operation] = _operation("retry", _table, _id)
faults: SearchStrategy[Operation] = st.one_of(
    _operation("crash", *_cut, _written, _up_to(1)),
    _operation("crash", *_late_cut, _written, _up_to(1)),
    _operation("crash_after_store", *_cut),
    _operation("crash_changelog", _step, _up_to(2)),
    _operation("hand_over", _step, _partition, _up_to(1)),
    _operation("rewind", _step, _partition, st.integers(1, 60)),
    _operation("pause", _step, _partition),
    _operation("wake", _up_to(1), _size, st.none()),
    _operation("wake", _up_to(1), _size, _written),
    _operation("adopt", _up_to(1)),
    _operation("compact_source", _table, _partition),
    _operation("compact_changelog", _step, _partition),
    _operation("settle"),
)
compactions: SearchStrategy[Operation] = _operation("compact_ahead")
cuts = st.lists(st.tuples(*_cut[1:]), max_size=12)
"""Masks of partitions and of topics, and sizes, of the batches of one step."""


def seeded(operations: SearchStrategy[Operation]) -> SearchStrategy[History]:
    """Histories that begin with a workout that counts, so that there is something to break."""
    begin: History = [
        ("put_exercise", 1, 0, 0),
        ("put_workout", 1, 1, 0, 0),
        ("put_performed", 1, 1, 1, 0),
    ]
    return st.lists(operations, max_size=40).map(lambda rest: begin + rest)
