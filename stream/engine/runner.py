"""Runs one step: fold a batch, have its changes and messages acknowledged, then store it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Protocol

from aiokafka import TopicPartition

from stream.engine.outbox import VERSION_HEADER, Outbox, Outgoing, Positions
from stream.engine.repeats import Doubt, Repeats
from stream.engine.state import BatchState, PartitionStore
from stream.incidents import Incident
from stream.names import Topics
from stream.steps.quarantine import set_aside
from stream.steps.step import Message, Record, Step

log = logging.getLogger(__name__)


class InterruptedRunError(Exception):
    """A batch was given up; it is not finished."""


LOOK_SECONDS = 10.0
"""How often an owner without work looks at the ends of its changelogs."""

Fetched = Mapping[int, Sequence[Record]]
"""Records by partition; those of one topic are in their order."""


class Runner(Protocol):
    """What the consumer hands fetched records to; it returns when they are done for good."""

    topics: tuple[str, ...]

    async def run(self, batch: Fetched) -> None:
        """Process a batch; raise rather than lose any of it."""

    async def kept(self) -> Mapping[tuple[str, int], int] | None:
        """Return up to where the outcome is kept; None where the group's commits say so."""

    async def idle(self) -> None:
        """Do what can wait until there is nothing to process."""

    def interrupt(self) -> None:
        """Give up what can't be done now: a rebalance waits, and the batch will come again."""


class Restores(Protocol):
    """Reads changelogs; see `stream.engine.restore`."""

    async def restore(self, stores: Mapping[TopicPartition, PartitionStore]) -> None:
        """Bring stores up to the ends of their changelogs."""

    async def disturbed(
        self, stores: Mapping[TopicPartition, PartitionStore]
    ) -> Mapping[TopicPartition, PartitionStore]:
        """Return those whose changelog holds more than their owner has sent."""


class Tells(Protocol):
    """Marks every answer stale, and says why."""

    async def open_incident(self, kind: Incident, detail: str) -> None:
        """Open an incident of this generation."""

    async def tell(self, doubt: Doubt) -> None:
        """Say that a partition is in doubt, or not any more."""


class StepRunner:
    """The order of writes is the correctness: changelog and outputs first, then the store.

    A crash in between leaves the store behind the changelog, which a restore mends, and the
    batch uncommitted, so that it comes again and is said again.

    An owner knows where its changelog ends, since it alone writes there. Where the end is
    further on, somebody else wrote too, and the store is restored from there.
    """

    def __init__(
        self,
        step: Step,
        topics: Topics,
        outbox: Outbox,
        restorer: Restores,
        teller: Tells,
        repeats: Repeats,
    ) -> None:
        self.step = step
        self.topics = step.topics
        self.changelog = topics.changelog(step.name)
        self.stores: dict[int, PartitionStore] = {}
        self._outbox = outbox
        self._restorer = restorer
        self._names = topics
        self._teller = teller
        self._repeats = repeats
        self._next_look = 0.0

    async def run(self, batch: Fetched) -> None:
        """Process a batch; raise rather than lose any of it.

        Where the fold fails, it is halved until the record is found that it fails on. That one
        is set aside, openly, so that the others go on.
        """
        states = {partition: self.stores[partition].batch() for partition in batch}
        try:
            messages = self.step.fold(batch, states)
        except Exception as error:
            log.exception(
                "%s failed on a batch", self.step.name, extra={"positions": positions_of(batch)}
            )
            if sum(map(len, batch.values())) == 1:
                await self._set_aside(batch, error)
                return
            for half in halves(batch):
                await self.run(half)
            return
        doubts = [*self._repeats.look(batch, states)]
        for doubt in doubts:
            if doubt.reason is not None:
                await self._teller.tell(doubt)
        ends = await self._outbox.send(self._outgoing(states, messages))
        for doubt in doubts:
            if doubt.reason is None:
                await self._teller.tell(doubt)
        for partition, state in states.items():
            if state.durable or state.local:
                await self._write(partition, state, ends)

    async def _set_aside(self, batch: Fetched, error: Exception) -> None:
        """Open an incident and list the record as bad, before it counts as processed."""
        [(partition, [record])] = batch.items()
        reason = f"{self.step.name} failed: {error!r}"
        where = f"{record.topic}-{partition} at {record.offset}"
        await self._teller.open_incident(Incident.POISON, f"{where}: {reason}")
        message = set_aside(self._names, partition, record, reason)
        await self._outbox.send(self._outgoing({}, [message]))

    async def _write(self, partition: int, state: BatchState, ends: Positions) -> None:
        store = self.stores[partition]
        end = ends.get((self.changelog, partition), store.position)
        if end == store.position + len(state.durable):
            store.write(state, end)
        else:
            await self._restorer.restore({TopicPartition(self.changelog, partition): store})

    async def idle(self) -> None:
        """Look now and then whether somebody else wrote to the changelogs."""
        if monotonic() < self._next_look:
            return
        self._next_look = monotonic() + LOOK_SECONDS
        stores = {TopicPartition(self.changelog, p): store for p, store in self.stores.items()}
        await self._restorer.restore(await self._restorer.disturbed(stores))

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


def positions_of(batch: Fetched) -> dict[str, list[int]]:
    """Return the first and the last offset of a batch, by `topic-partition`."""
    found: dict[str, list[int]] = {}
    for partition, records in batch.items():
        for record in records:
            held = found.setdefault(f"{record.topic}-{partition}", [record.offset] * 2)
            held[1] = record.offset
    return found


def halves(batch: Fetched) -> Iterator[Fetched]:
    """Cut a batch in two, each partition's records in their order."""
    in_order = [(partition, record) for partition, records in batch.items() for record in records]
    middle = len(in_order) // 2
    for half in (in_order[:middle], in_order[middle:]):
        cut: dict[int, list[Record]] = {}
        for partition, record in half:
            cut.setdefault(partition, []).append(record)
        yield cut
