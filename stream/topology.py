"""The flow: which steps there are, over which topics. Configuration comes from settings."""

from __future__ import annotations

from stream.names import SourceTopics, Topics
from stream.settings import Settings
from stream.steps.aggregate import Aggregate
from stream.steps.assemble import Assemble
from stream.steps.route import Route
from stream.steps.step import Step


def topics_of(settings: Settings, generation: int) -> Topics:
    """Name the topics of a generation."""
    source = SourceTopics(
        exercise=settings.topic(settings.exercise_table),
        workout=settings.topic(settings.workout_table),
        performed=settings.topic(settings.performed_table),
    )
    return Topics(source, generation, settings.partitions)


def columns_of(settings: Settings) -> dict[str, dict[str, str]]:
    """Return, for each kind of table, the source's column names where they differ from ours."""
    result: dict[str, dict[str, str]] = {"exercise": {}, "workout": {}, "performed": {}}
    for name, column in settings.columns.items():
        table, _, ours = name.partition(".")
        result.setdefault(table, {})[ours] = column
    return result


def steps_of(settings: Settings, topics: Topics) -> tuple[Step, ...]:
    """Return the steps that keep state, in the order of the flow."""
    return (
        Route(topics, columns_of(settings)),
        Assemble(topics, settings.zone),
        Aggregate(topics),
    )


def changelogs(settings: Settings, topics: Topics) -> tuple[str, ...]:
    """Name the changelogs of a generation's steps."""
    return tuple(topics.changelog(step.name) for step in steps_of(settings, topics))
