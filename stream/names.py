"""Names of topics, groups and schemas; those of a generation carry its number.

Partitions of Tonnage's own topics are chosen by id modulo their number, never by a hash, so
that a row's place can be told by anyone.
"""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC_WORKOUTS = "training.workouts.v1"
PUBLIC_WEEKLY_STATS = "training.weekly-stats.v1"
PUBLIC_EXERCISES = "training.exercises.v1"
PUBLIC_RECORDS = "training.personal-records.v1"
PUBLIC_QUARANTINE = "tonnage.quarantine.v1"


@dataclass(frozen=True)
class SourceTopics:
    """The topics that Debezium fills, one for each captured table."""

    exercise: str
    workout: str
    performed: str

    @property
    def all(self) -> tuple[str, ...]:
        """All three."""
        return self.exercise, self.workout, self.performed


@dataclass(frozen=True)
class Topics:
    """The topics of one generation."""

    source: SourceTopics
    generation: int
    partitions: int

    def _own(self, name: str) -> str:
        return f"{self.group}.{name}"

    @property
    def group(self) -> str:
        """The consumer group, and the prefix of every internal topic."""
        return f"tonnage.g{self.generation}"

    @property
    def schema(self) -> str:
        """The schema of this generation's tables in the read store."""
        return f"tonnage_g{self.generation}"

    @property
    def rows(self) -> str:
        """Rows by their workout: route → assemble."""
        return self._own("rows")

    @property
    def facts(self) -> str:
        """Workouts and exercises by user: assemble, route → aggregate."""
        return self._own("facts")

    @property
    def requests(self) -> str:
        """What people ask of rows that are on the list: the command line → route."""
        return self._own("requests")

    @property
    def logs(self) -> tuple[str, ...]:
        """What is read once, by one step, and deleted when it is processed."""
        return self.requests, self.rows, self.facts

    @property
    def workouts(self) -> str:
        """Assembled workouts."""
        return self._own("workouts")

    @property
    def weekly_stats(self) -> str:
        """WeeklyStats."""
        return self._own("weekly-stats")

    @property
    def records(self) -> str:
        """Personal records."""
        return self._own("personal-records")

    @property
    def exercises(self) -> str:
        """Exercises."""
        return self._own("exercises")

    @property
    def quarantine(self) -> str:
        """Bad rows."""
        return self._own("quarantine")

    def changelog(self, step: str) -> str:
        """Name the changelog of a step's state."""
        return self._own(f"{step}-changelog")

    @property
    def public(self) -> dict[str, str]:
        """The public topic of each output topic of the generation."""
        return {
            self.workouts: PUBLIC_WORKOUTS,
            self.weekly_stats: PUBLIC_WEEKLY_STATS,
            self.exercises: PUBLIC_EXERCISES,
            self.records: PUBLIC_RECORDS,
            self.quarantine: PUBLIC_QUARANTINE,
        }

    def partition(self, identity: int) -> int:
        """Return the partition of a workout's, user's or exercise's id."""
        return identity % self.partitions
