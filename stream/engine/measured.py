"""Steps and runners that are counted, timed and, by setting, traced."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import perf_counter

from stream import figures
from stream.engine.runner import Fetched, Runner, positions_of
from stream.steps.step import Batch, Message, State, Step
from stream.tracing import Tracer, as_of_lsns

log = logging.getLogger(__name__)


class MeasuredStep:
    """A step that counts what it gives.

    Attributes:
        changes: the LSNs of the changes that it took up, where they are traced; they are taken out
            by whoever traces the batch.
    """

    def __init__(self, step: Step, tracer: Tracer | None = None) -> None:
        self.changes: set[int] = set()
        self.name = step.name
        self.topics = step.topics
        self.derive = step.derive
        self._step = step
        self._tracer = tracer
        self._messages = figures.MESSAGES.labels(step.name)
        self._failures = figures.FAILURES.labels(step.name)

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Apply a batch and return what follows."""
        with self._failures.count_exceptions():
            messages = self._step.fold(batch, states)
        self._messages.inc(len(messages))
        if self._tracer is not None:
            self.changes |= self._tracer.captured(batch)
            self.changes |= as_of_lsns(message.value for message in messages)
        return messages


class MeasuredRunner:
    """A runner that counts and times its batches; `step` is what it runs, if it is one."""

    def __init__(
        self,
        name: str,
        runner: Runner,
        tracer: Tracer | None = None,
        step: MeasuredStep | None = None,
    ) -> None:
        self.topics = runner.topics
        self.kept = runner.kept
        self.idle = runner.idle
        self.interrupt = runner.interrupt
        self._name = name
        self._runner = runner
        self._tracer = tracer
        self._step = step
        self._records = figures.RECORDS.labels(name)
        self._size = figures.BATCH_RECORDS.labels(name)
        self._seconds = figures.BATCH_SECONDS.labels(name)

    async def run(self, batch: Fetched) -> None:
        """Process a batch; what is counted is done."""
        began = perf_counter()
        await self._runner.run(batch)
        seconds = perf_counter() - began
        count = sum(map(len, batch.values()))
        self._records.inc(count)
        self._size.observe(count)
        self._seconds.observe(seconds)
        if self._tracer is not None:
            self._tracer.tell(self._changes(batch), self._name, seconds, batch)
        if log.isEnabledFor(logging.DEBUG):
            fields = {"step": self._name, "records": count, "seconds": round(seconds, 6)}
            log.debug("a batch is done", extra={**fields, "positions": positions_of(batch)})

    def _changes(self, batch: Fetched) -> set[int]:
        if self._step is None:
            return as_of_lsns(record.value for records in batch.values() for record in records)
        changes, self._step.changes = self._step.changes, set()
        return changes
