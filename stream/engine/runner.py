"""Runs one step: fold a batch, have its changes and messages acknowledged, then store it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from stream.engine.outbox import VERSION_HEADER, Outbox, Outgoing
from stream.engine.state import BatchState, PartitionStore
from stream.names import Topics
from stream.steps.step import Message, Record, Step


class InterruptedRunError(Exception):
    """A batch was given up; it is not finished."""


Fetched = Mapping[int, Sequence[Record]]
"""Records by partition; those of one topic are in their order."""


class Runner(Protocol):
    """What the consumer hands fetched records to; it returns when they are done for good."""

    topics: tuple[str, ...]

    async def run(self, batch: Fetched) -> None:
        """Process a batch; raise rather than lose any of it."""

    async def kept(self) -> Mapping[tuple[str, int], int] | None:
        """Return up to where the outcome is kept; None where the group's commits say so."""

    def interrupt(self) -> None:
        """Give up what can't be done now: a rebalance waits, and the batch will come again."""


class StepRunner:
    """The order of writes is the correctness: changelog and outputs first, then the store.

    A crash in between leaves the store behind the changelog, which a restore mends, and the
    batch uncommitted, so that it comes again and is said again.
    """

    def __init__(self, step: Step, topics: Topics, outbox: Outbox) -> None:
        self.step = step
        self.topics = step.topics
        self.changelog = topics.changelog(step.name)
        self.stores: dict[int, PartitionStore] = {}
        self._outbox = outbox

    async def run(self, batch: Fetched) -> None:
        """Process a batch; raise rather than lose any of it."""
        states = {partition: self.stores[partition].batch() for partition in batch}
        messages = self.step.fold(batch, states)
        positions = await self._outbox.send(self._outgoing(states, messages))
        for partition, state in states.items():
            if state.durable or state.local:
                position = positions.get((self.changelog, partition), 0)
                self.stores[partition].write(state, position)

    async def kept(self) -> None:
        """Return None: a step begins at the group's commits."""

    def interrupt(self) -> None:
        """Do nothing: a batch of a step ends by itself, or the worker does."""

    def _outgoing(
        self, states: Mapping[int, BatchState], messages: Sequence[Message]
    ) -> Iterator[Outgoing]:
        for partition, state in states.items():
            for key, stored in state.durable.items():
                yield Outgoing(self.changelog, partition, key, stored, ())
        for message in messages:
            yield Outgoing(
                message.topic,
                message.partition,
                message.key,
                message.value,
                () if message.version is None else ((VERSION_HEADER, b"%d" % message.version),),
            )
