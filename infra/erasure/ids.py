"""What is known to have been a user's: told by every record that says so, however old.

What is another user's now is not among it: a workout that was moved is theirs, with its values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from infra.erasure.log import last_values, records
from infra.erasure.state import users_of_workout, workouts_of_performed
from stream.names import Topics
from stream.settings import Settings
from stream.steps.keys import exercise_key, place_of_week

_loads = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass
class Ids:
    """A user, and the ids of the rows that were theirs; `others` are workouts of others now."""

    user: int
    workouts: set[int] = field(default_factory=set)
    performed: set[int] = field(default_factory=set)
    exercises: set[int] = field(default_factory=set)
    others: set[int] = field(default_factory=set)

    def learn_from_source(self, settings: Settings, topics: Topics) -> None:
        """Read a capture's topics."""
        user, workout, owner = (
            settings.column(*each)
            for each in (
                ("workout", "user_id"),
                ("performed", "workout_id"),
                ("exercise", "owner_id"),
            )
        )
        workouts = _Rows.of(settings, topics.source.workout, user)
        self.others |= workouts.elsewhere({self.user})
        self.workouts |= workouts.ever({self.user}) - self.others
        performed = _Rows.of(settings, topics.source.performed, workout)
        self.performed |= performed.ever(self.workouts) - performed.elsewhere(self.workouts)
        exercises = _Rows.of(settings, topics.source.exercise, owner)
        self.exercises |= exercises.ever({self.user}) - exercises.elsewhere({self.user})

    def learn_from_outputs(self, settings: Settings, topics: Topics) -> None:
        """Read a generation's workouts."""
        for _, value in records(settings, topics.workouts):
            said = _loads(value) if value else {}
            if said.get("user_id") == self.user and said["workout_id"] not in self.others:
                self.workouts.add(said["workout_id"])

    def learn_from_state(self, settings: Settings, topics: Topics) -> None:
        """Read what the steps hold of rows: it tells whose they were once all else is compacted."""
        for key, stored in last_values(settings, topics.changelog("assemble")).items():
            if stored and self.user in users_of_workout(stored) and int(key) not in self.others:
                self.workouts.add(int(key))
        for key, stored in last_values(settings, topics.changelog("route")).items():
            if stored and key[:1] == b"p":
                were, now = workouts_of_performed(stored)
                if were & self.workouts and now in {None, *self.workouts}:
                    self.performed.add(int(key[1:]))

    def of_table(self, topics: Topics, topic: str) -> set[int]:
        """Return the ids that were the user's in the table of a source topic."""
        return {
            topics.source.workout: self.workouts,
            topics.source.performed: self.performed,
            topics.source.exercise: self.exercises,
        }.get(topic, set())

    def in_source(self, topics: Topics, topic: str, key: bytes) -> bool:
        """Tell whether a key of a source topic was the user's."""
        return not self.of_table(topics, topic).isdisjoint(_loads(key).values())

    def in_output(self, topics: Topics, key: bytes) -> bool:
        """Tell whether a key of an output topic, or of a public one, was the user's."""
        named = _loads(key)
        if "topic" in named:
            return str(named["key"]).startswith("{") and self.in_source(
                topics, named["topic"], str(named["key"]).encode()
            )
        if "user_id" in named:
            return bool(named["user_id"] == self.user)
        return named.get("workout_id") in self.workouts or (
            "workout_id" not in named and named.get("exercise_id") in self.exercises
        )

    def in_state(self, step: str, key: bytes) -> bool:
        """Tell whether a key of a step's state was the user's."""
        if step == "aggregate":
            place = place_of_week(key)
            if place is not None:
                return place.user_id == self.user
            return key in {exercise_key(each) for each in self.exercises}
        if step == "assemble":
            return key.isdigit() and int(key) in self.workouts
        kinds = {b"w": self.workouts, b"p": self.performed, b"x": self.exercises}
        return key[1:].isdigit() and int(key[1:]) in kinds.get(key[:1], ())


@dataclass(frozen=True)
class _Rows:
    """The rows of a table, by one of their columns: all that it ever was, and what it is."""

    values: dict[int, set[object]]
    now: dict[int, object]

    @classmethod
    def of(cls, settings: Settings, topic: str, column: str) -> _Rows:
        """Read a source topic."""
        values: dict[int, set[object]] = {}
        now: dict[int, object] = {}
        for key, value in records(settings, topic):
            event = _loads(value) if value else {}
            # What a deletion has as "before" is invented.
            held = (event.get("after") or {}).get(column) if event.get("op") != "d" else None
            for row in _loads(key).values():
                now[row] = held
                if held is not None:
                    values.setdefault(row, set()).add(held)
        return cls(values, now)

    def ever(self, wanted: set[int]) -> set[int]:
        """Return the rows that had one of these values at any time."""
        return {row for row, had in self.values.items() if not had.isdisjoint(wanted)}

    def elsewhere(self, wanted: set[int]) -> set[int]:
        """Return the rows that are there and have another value than these."""
        return {row for row, value in self.now.items() if value is not None and value not in wanted}
