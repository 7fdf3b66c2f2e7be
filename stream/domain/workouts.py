"""Rows of the source as the steps know them, and the workout that they make."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stream.domain.sets import Sets
from stream.domain.weeks import Week


class Origin(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a change came from: the source's LSN (0 where unknown) and its time.

    `time_us` is microseconds since 1970, by the source's clock.
    """

    lsn: int
    time_us: int


class WorkoutRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A row of workouts; `date_us` is microseconds since 1970."""

    user_id: int
    date_us: int
    name: str | None


class BadSets(msgspec.Struct, array_like=True, frozen=True, tag="bad", gc=False):
    """The lists of a performed exercise that can't be counted, and why."""

    reason: str
    reps_per_set: str | None
    weights_per_set: str | None


class GoodSets(msgspec.Struct, array_like=True, frozen=True, tag="ok", gc=False):
    """The sets of a performed exercise."""

    sets: Sets


class PerformedRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A row of performed exercises within its workout."""

    exercise_id: int
    lists: GoodSets | BadSets


class ExerciseRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A row of exercises; `muscle_group` is never empty."""

    name: str | None
    muscle_group: str
    owner_id: int | None


class Place(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """A user's week: where a workout counts."""

    user_id: int
    year: int
    week: int

    @property
    def iso_week(self) -> Week:
        """The week alone."""
        return Week(self.year, self.week)


class Lift(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """What a workout may hold a record in: an exercise, and a repetition count of it.

    `reps` is 0 for the records that are not bound to a repetition count.
    """

    exercise_id: int
    reps: int


class Counted(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A good performed exercise as it counts in its week."""

    performed_id: int
    exercise_id: int
    sets: Sets


class Contribution(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one live workout adds to its place."""

    place: Place
    day: str
    date_us: int
    rows: tuple[Counted, ...]
    bad_rows: int

    def lifts(self) -> Iterator[Lift]:
        """Name every record that this workout may hold."""
        for row in self.rows:
            counts = {reps for reps in row.sets.reps if reps > 0}
            if counts:
                yield Lift(row.exercise_id, 0)
            for reps in counts:
                yield Lift(row.exercise_id, reps)
