"""What one changed set costs the steps, by how much its user has behind them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

from infra.bench.figure import Figure, Target, compare, percentile
from infra.bench.suite import Bench, Run
from stream.engine.keyvalue import RocksKeyValue
from stream.engine.state import PartitionStore
from stream.names import Topics
from stream.settings import load_settings
from stream.steps.step import Message, Record
from stream.topology import steps_of, topics_of

SHORT, LONG = 26, 25 * 52
A_WEEK, EXERCISES = 3, 4
CHANGES = 300


def measure(run: Run) -> Iterator[Figure]:
    """Change a set of a user with half a year, and of one with 25 years, in turn."""
    run.say("users with 26 weeks and with 25 years")
    with tempfile.TemporaryDirectory() as folder:
        users = {weeks: History(Path(folder) / str(weeks), weeks) for weeks in (SHORT, LONG)}
        took: dict[int, list[float]] = {weeks: [] for weeks in users}
        for _ in run.turns("a changed set"):
            for weeks, user in users.items():
                took[weeks].append(percentile([user.change(n) for n in range(CHANGES)], 50) * 1e6)
    target = Target(1.2, "lower", "the same of a user with 26 weeks")
    yield compare("changed-set", target, (took[LONG], took[SHORT]), "µs", bench=BENCH.name)


class History:
    """A user in the steps' state, on disk: three workouts a week, each of four exercises."""

    def __init__(self, folder: Path, weeks: int) -> None:
        settings = load_settings(partitions=1, home=folder)
        self._topics: Topics = topics_of(settings, 1)
        self._steps = steps_of(settings, self._topics)
        self._stores = {
            step.name: PartitionStore(step, RocksKeyValue(folder / step.name))
            for step in self._steps
        }
        self.offsets = dict.fromkeys(range(4), 0)
        self._weeks = weeks
        self._offset = 0
        source = self._topics.source
        begin = datetime.now(UTC) - timedelta(weeks=weeks)
        for workout in range(1, weeks * A_WEEK + 1):
            date = begin + timedelta(weeks=(workout - 1) // A_WEEK, days=(workout - 1) % A_WEEK)
            row = {"id": workout, "user_id": 1, "date": date.isoformat(), "name": "push"}
            performed = [
                self._performed(workout * EXERCISES + number, workout, workout % 40)
                for number in range(EXERCISES)
            ]
            self._apply([self._event(source.workout, row), *performed])

    def change(self, number: int) -> float:
        """Change the sets of a recent performed exercise; return the processor seconds it took."""
        last = self._weeks * A_WEEK
        workout = last - number % (SHORT * A_WEEK)
        event = self._performed(workout * EXERCISES + number % EXERCISES, workout, number % 57)
        began = process_time()
        self._apply([event])
        return process_time() - began

    def _performed(self, row_id: int, workout: int, weight: int) -> Record:
        row = {
            "id": row_id,
            "workout_id": workout,
            "exercise_id": row_id % EXERCISES + 1,
            "reps_per_set": "[10, 8, 8]",
            "weights_per_set": f"[{weight}, {weight}.5, {weight}]",
        }
        return self._event(self._topics.source.performed, row)

    def _event(self, topic: str, row: dict[str, object]) -> Record:
        self._offset += 1
        source = {"lsn": self._offset, "ts_us": 1_700_000_000_000_000 + self._offset}
        value = json.dumps({"op": "u", "before": None, "after": row, "source": source}).encode()
        return Record(topic, self._offset, json.dumps({"id": row["id"]}).encode(), value, 0)

    def _apply(self, records: list[Record]) -> None:
        """Take records through all steps, each step's state written as the engine writes it."""
        for number, step in enumerate(self._steps):
            store = self._stores[step.name]
            state = store.batch()
            messages = step.fold({0: records}, {0: state})
            store.write(state, store.position + len(state.durable))
            following = self._steps[number + 1].topics if number + 1 < len(self._steps) else ()
            records = [self._record(number, each) for each in messages if each.topic in following]

    def _record(self, step: int, message: Message) -> Record:
        self.offsets[step] += 1
        return Record(message.topic, self.offsets[step], message.key, message.value, 0)


BENCH = Bench("changed-set", "cost of one changed set, by the length of the history", measure)
