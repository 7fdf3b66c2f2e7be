"""Defects that chaos must catch: each undoes one thing that makes the engine safe.

They are planted into the engines of a stack's workers, by a `sitecustomize` that the processes of
the stack find before anything else: the code on disk stays as it is.
"""
# ruff: noqa: SLF001 - a defect is planted where nobody else reaches

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stream.engine.consumer import StepConsumer
from stream.engine.recovery import StepRecovery
from stream.engine.runner import Fetched, StepRunner
from stream.steps import assemble
from stream.steps.aggregate_batch import Work
from stream.steps.assemble import Assemble
from stream.steps.route import Route
from stream.steps.step import Record, State
from stream.steps.wire import WorkoutFact

ROUTES = ("_performed_exercise", "_workout", "_exercise")
VARIABLE = "CHAOS_DEFECT"


def sitecustomize(folder: Path, defect: str) -> dict[str, str]:
    """Write the module that plants a defect into each engine; return the settings that find it."""
    root = Path(__file__).parents[2]
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if any('stream.worker' in word for word in sys.orig_argv):\n"
        f"    sys.path.insert(0, {str(root)!r})\n"
        "    from tests.chaos.planted import DEFECTS\n"
        f"    DEFECTS[{defect!r}]()\n"
    )
    return {"PYTHONPATH": str(folder)}


def skip_duplicates() -> None:
    """Skip what is at the version that is held, in every step, instead of saying it again."""

    def skip(name: str) -> None:
        handle = getattr(Route, name)

        def skipping(self: Route, at: Any, said: Any) -> None:
            if _held_offset(self, at) != at.record.offset:
                handle(self, at, said)

        setattr(Route, name, skipping)

    for name in ROUTES:
        skip(name)
    apply, count = Assemble._apply, Work.workout

    def newer(self: Assemble, records: Sequence[Record], state: State) -> Any:
        return apply(self, [each for each in records if not _is_at(each, state)], state)

    def newer_fact(self: Work, fact: WorkoutFact, offset: int) -> None:
        places = [*fact.places, *([fact.current.place] if fact.current is not None else [])]
        held = [self._touch(place).state.workouts.get(fact.workout_id) for place in places]
        if not any(each is not None and each.offset == offset for each in held):
            count(self, fact, offset)

    Assemble._apply = newer  # type: ignore[method-assign]
    Work.workout = newer_fact  # type: ignore[method-assign]


def _held_offset(step: Route, at: Any) -> int | None:
    raw = at.state.get(at.row_key)
    return None if raw is None else step._tables[at.record.topic].held(raw).offset


def _is_at(record: Record, state: State) -> bool:
    raw = state.get(record.key or b"")
    return raw is not None and assemble._decode(raw).version == record.offset


def resume_before_seek() -> None:
    """Resume partitions before their positions are sought, as Faust does."""

    async def resume(self: Any, generation_id: int = 0) -> None:
        app, consumer = self.app, self.app.consumer
        await app.on_rebalance_complete.send()
        assignment = consumer.assignment()
        await self._wait(app.keeper.own({tp.partition for tp in assignment}))
        if app.consumer_generation_id != generation_id:
            return
        consumer.resume_partitions(assignment)
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()
        if assignment:
            await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()

    StepRecovery._resume_streams = resume  # type: ignore[method-assign]


def wait_for_nothing() -> None:
    """Let partitions go while batches of theirs are in flight."""

    async def wait_empty(self: StepConsumer) -> None:
        await self.commit_and_end_transactions()

    StepConsumer.wait_empty = wait_empty  # type: ignore[method-assign]


def acknowledge_what_failed() -> None:
    """Go on after whatever a batch raised, as an agent of Faust's does."""
    run = StepRunner.run

    async def go_on(self: StepRunner, batch: Fetched) -> None:
        try:
            await run(self, batch)
        except Exception:  # noqa: BLE001 - that is the defect
            print("a batch failed, and is acknowledged")

    StepRunner.run = go_on  # type: ignore[method-assign]


def gate_by_lsn() -> None:
    """Take an event for an old one where its LSN is below that of its row's last event."""
    last: dict[tuple[str, bytes | None], int] = {}
    handlers: dict[str, Callable[..., None]] = {name: getattr(Route, name) for name in ROUTES}

    def gate(name: str) -> None:
        def gated(self: Route, at: Any, said: Any) -> None:
            lsn = _lsn(at.record)
            row = at.record.topic, at.record.key
            if lsn and lsn < last.get(row, 0):
                return
            last[row] = lsn or last.get(row, 0)
            handlers[name](self, at, said)

        setattr(Route, name, gated)

    for name in ROUTES:
        gate(name)


def _lsn(record: Record) -> int:
    return 0 if record.value is None else json.loads(record.value)["source"]["lsn"] or 0


DEFECTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        skip_duplicates,
        resume_before_seek,
        wait_for_nothing,
        acknowledge_what_failed,
        gate_by_lsn,
    )
}
