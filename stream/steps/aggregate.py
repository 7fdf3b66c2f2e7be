"""aggregate: workouts and exercises → weeks and personal records.

A week's state is its workouts' contributions; its figures are their fold. Contributions hold
exercises, never groups, so that a regrouped exercise changes one key and has its weeks folded
anew. Bests are derived from the weeks (see `bests`), so that a week is the only thing that a
fact changes.

A value's version is the highest offset that its content depends on, so that equal versions
mean equal contents, however the log was cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream.domain.published import RecordKey, WeekKey
from stream.domain.workouts import Place
from stream.names import Topics
from stream.steps import bests
from stream.steps.aggregate_batch import Work
from stream.steps.keys import (
    index_key,
    place_of_week,
    week_key,
)
from stream.steps.outputs import encode_key, encode_value, record_value, week_value
from stream.steps.step import Batch, Message, Restored, State
from stream.steps.week_state import (
    ABSENT,
    WeekState,
    decode_week,
    digest_of,
    encode_week,
)
from stream.steps.wire import WorkoutFact, decode_fact


class Aggregate:
    """The step; its state is kept by user's week, and by exercise in every partition."""

    name = "aggregate"

    def __init__(self, topics: Topics) -> None:
        self._names = topics
        self.topics: tuple[str, ...] = (topics.facts,)

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Aggregate a batch; each week and record is said once, as it is at the end."""
        messages: list[Message] = []
        for partition, records in batch.items():
            work = Work(states[partition])
            for record in records:
                assert record.value is not None  # noqa: S101 - our own step wrote it
                fact = decode_fact(record.value)
                if isinstance(fact, WorkoutFact):
                    work.workout(fact, record.offset)
                else:
                    work.exercise(fact, record.offset)
            messages.extend(self._weeks(partition, work))
            messages.extend(self._records(partition, work))
        return messages

    def derive(self, state: State, restored: Iterable[Restored]) -> None:
        """Rebuild what is derived from weeks: the index by exercise, and the bests."""
        tree = bests.Tree(state)
        for key, old, new in restored:
            place = place_of_week(key)
            if place is not None:
                before = decode_week(old).exercises() if old is not None else set()
                derive_week(state, tree, place, before, decode_week(new))
        tree.write()

    def _weeks(self, partition: int, work: Work) -> list[Message]:
        messages = []
        for touched in work.weeks.values():
            place, week = touched.place, touched.state
            stats = week.stats(work.group_of)
            digest = digest_of(stats)
            if digest != week.digest or touched.said_again:
                if week.digest == ABSENT:
                    week.created_us = week.origin.time_us
                value = (
                    None
                    if stats is None
                    else encode_value(week_value(place, stats, week.created_us, week.origin))
                )
                key = encode_key(WeekKey(place.user_id, str(place.iso_week)))
                messages.append(
                    Message(self._names.weekly_stats, partition, key, value, week.version)
                )
                week.digest = digest
            work.state.put(week_key(place), week.version, encode_week(week))
        return messages

    def _records(self, partition: int, work: Work) -> list[Message]:
        tree = bests.Tree(work.state)
        before = {lifter: tree.of_life(*lifter) for lifter in work.lifters}
        for touched in work.weeks.values():
            derive_week(work.state, tree, touched.place, touched.exercises_before, touched.state)
        tree.write()
        messages = []
        for (user_id, exercise_id), lifted in work.lifters.items():
            old = before[user_id, exercise_id]
            now = tree.of_life(user_id, exercise_id)
            for kind in lifted.to_say(old, now):
                key = RecordKey(user_id, exercise_id, kind)
                best = now.get(kind)
                value = (
                    None if best is None else encode_value(record_value(key, best, lifted.origin))
                )
                messages.append(
                    Message(self._names.records, partition, encode_key(key), value, lifted.version)
                )
        return messages


def derive_week(
    state: State, tree: bests.Tree, place: Place, before: set[int], week: WeekState
) -> None:
    """Bring the index by exercise and the bests up to a week's state.

    `before` are the exercises that the week had when these were last derived.
    """
    now = bests.bests_of(week.live())
    exercises = week.exercises()
    for exercise_id in before - exercises:
        state.put_local(index_key(exercise_id, place), None)
    for exercise_id in exercises - before:
        state.put_local(index_key(exercise_id, place), b"")
    for exercise_id in before | exercises:
        tree.update(place, exercise_id, now.get(exercise_id, {}))
