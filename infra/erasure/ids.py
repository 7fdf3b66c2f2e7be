"""What is known to have been a user's: told by every record that says so, however old."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from infra.erasure.log import records
from stream.names import Topics
from stream.settings import Settings
from stream.steps.keys import exercise_key, place_of_week

_loads = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass
class Ids:
    """A user, and the ids of the rows that were theirs."""

    user: int
    workouts: set[int] = field(default_factory=set)
    performed: set[int] = field(default_factory=set)
    exercises: set[int] = field(default_factory=set)

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
        self.workouts |= _found(settings, topics.source.workout, user, {self.user})
        self.performed |= _found(settings, topics.source.performed, workout, self.workouts)
        self.exercises |= _found(settings, topics.source.exercise, owner, {self.user})

    def learn_from_outputs(self, settings: Settings, topics: Topics) -> None:
        """Read a generation's workouts."""
        for _, value in records(settings, topics.workouts):
            said = _loads(value) if value else {}
            if said.get("user_id") == self.user:
                self.workouts.add(said["workout_id"])
                rows = [*said["exercises"], *said["bad_rows"]]
                self.performed |= {row["performed_exercise_id"] for row in rows}

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


def _found(settings: Settings, topic: str, column: str, wanted: set[int]) -> set[int]:
    """Return the ids of the rows that ever had one of these values in a column."""
    found = set()
    for key, value in records(settings, topic):
        after = (_loads(value).get("after") or {}) if value else {}
        if after.get(column) in wanted:
            found |= set(_loads(key).values())
    return found
