"""An engine process: the steps of one generation and its sink, on Faust.

A worker runs one for each generation (see `stream.host`), as `python -m stream.worker`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from io import FileIO
from pathlib import Path

import faust
import psycopg
import uvloop
from faust.types import TP

from stream.brokers import Brokers
from stream.engine.app import StepApp, make_app
from stream.engine.frontier import Frontier
from stream.engine.keyvalue import KeyValue, MemoryKeyValue, RocksKeyValue
from stream.engine.measured import MeasuredRunner, MeasuredStep
from stream.engine.memory import keep_giving_back
from stream.engine.outbox import Outbox
from stream.engine.repeats import Repeats
from stream.engine.restore import Restorer, StateKeeper
from stream.engine.runner import StepRunner
from stream.engine.state import PartitionStore
from stream.engine.trim import keep_trimming
from stream.engine.watchdog import Watchdog
from stream.figures import READY, RESTORED, engine_figures, measure_state
from stream.generations import by_number, check
from stream.health import ASK, Figures, Health, encode_told
from stream.logs import configuration
from stream.names import Topics
from stream.publisher import Publisher
from stream.settings import Settings, load_settings
from stream.sink import PublishedTable, Sink, connections
from stream.steps.step import Step
from stream.topics import prepare_topics
from stream.topology import steps_of
from stream.tracing import Tracer

log = logging.getLogger(__name__)

HEALTH_SECONDS = 0.1

COLLECT_AFTER = 100_000
"""Objects made before the garbage collector looks at them: a batch makes many, and no cycles."""

SWITCH_SECONDS = 0.0005
"""How long a thread keeps the interpreter from one that waits: each hop goes through two."""

END_SECONDS = 15
"""An engine that has failed, or is told to stop, ends within this, one way or the other."""


def run_engine(settings: Settings, number: int, name: str) -> None:
    """Run a generation's steps until told to stop; what a step raises ends it.

    `name` is the worker's: its local state is kept under it.
    """
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        generation = by_number(connection, number)
    check(settings, generation)
    own, topics = prepare_topics(settings, generation)
    gc.set_threshold(COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = EndingWorker(
        build(own, topics, name),
        loop=loop,
        loglevel=settings.log_level,
        logging_config=configuration(settings) if settings.log == "json" else None,
        redirect_stdouts=False,
        quiet=True,
    )
    worker.execute_from_commandline()


class EndingWorker(faust.Worker):  # type: ignore[misc]
    """Ends, also where Faust waits for ever for what a step that raised has left behind.

    To be killed harms nothing, wherever it was; to stay would keep others from its work.
    """

    def stop_and_shutdown(self) -> None:
        """Stop, but not for longer than END_SECONDS."""
        end = threading.Timer(END_SECONDS, os.kill, (os.getpid(), signal.SIGKILL))
        end.daemon = True
        end.start()
        super().stop_and_shutdown()


def build(settings: Settings, topics: Topics, name: str) -> StepApp:
    """Put a worker together."""
    brokers = Brokers.of(settings)
    folder = worker_folder(settings, topics, name)
    outbox = Outbox(brokers)
    pool = connections(settings.need("read_store_dsn"))
    restorer = Restorer(brokers, outbox)

    def owned() -> set[int]:
        return {tp.partition for tp in app.consumer.assignment() if tp.topic == topics.weekly_stats}

    sink = Sink(topics, pool, Publisher(topics, brokers, outbox, PublishedTable(pool), owned))
    tracer = Tracer(settings.traces_url, settings.traces_share) if settings.traces_url else None
    steps = [MeasuredStep(step, tracer) for step in steps_of(settings, topics)]
    runners = [
        StepRunner(
            step, topics, outbox, restorer, sink, Repeats({*step.topics} & {*topics.source.all})
        )
        for step in steps
    ]

    for runner in runners:
        measure_state(folder, runner.step.name)

    def open_store(runner: StepRunner, partition: int) -> PartitionStore:
        store = _open(settings, folder / f"{runner.step.name}-{partition}", runner.step)
        return PartitionStore(runner.step, store)

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with outbox, pool:
            yield

    keeper = StateKeeper(runners, restorer, open_store)
    app = make_app(
        topics.group,
        brokers=brokers,
        runners=[
            *(
                MeasuredRunner(step.name, runner, tracer, step)
                for step, runner in zip(steps, runners, strict=True)
            ),
            MeasuredRunner(sink.name, sink, tracer),
        ],
        keeper=keeper,
        batch_size=settings.batch_size,
        resources=resources(),
        commit_interval_ms=settings.commit_interval_ms,
        folder=folder,
        instance=settings.instance_id,
        session_seconds=settings.session_timeout_seconds,
    )

    def leads() -> bool:
        return TP(topics.rows, 0) in app.consumer.assignment()

    frontier = Frontier(
        brokers=brokers,
        offsets_topic=settings.connect_offsets_topic,
        connector=settings.connector_name,
        group=topics.group,
        partitions=topics.partitions,
        stages=[*(runner.topics for runner in runners), sink.topics],
        kept=sink.positions,
        doubts=sink.passed_doubts,
        store=sink.store_frontier,
        leads=leads,
    )
    app.task(frontier.run)
    watchdog = Watchdog(
        lambda: app.consumer.finished,
        lambda: app.consumer.committed(),  # noqa: PLW0108 - the consumer is made when the app starts
    )
    app.task(watchdog.run)
    app.task(partial(tell_health, app))
    app.task(keep_giving_back)
    app.task(partial(keep_trimming, brokers, topics.group, topics.logs, leads))
    return app


def worker_folder(settings: Settings, topics: Topics, name: str) -> Path:
    """Return the folder of a worker's state; the workers of a machine have different names."""
    return settings.state_folder / topics.group / name


def _open(settings: Settings, path: Path, step: Step) -> KeyValue:
    """Open a store; one that is torn is thrown away, since the changelog has it all."""
    if settings.state == "memory":
        return MemoryKeyValue()
    try:
        return RocksKeyValue(path)
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception
        log.warning("state of %s at %s can't be read, restoring it: %s", step.name, path, error)
        RocksKeyValue.remove(path)
        return RocksKeyValue(path)


async def tell_health(app: StepApp) -> None:
    """Tell how the engine is, each time that it changes."""
    told = Health()
    while True:
        now = Health(app.ready, app.keeper.progress.done)
        if now != told:
            _tell(now)
            READY.set(now.ready)
            RESTORED.set(now.restored)
            told = now
        await asyncio.sleep(HEALTH_SECONDS)


def _tell(told: Health | Figures) -> None:
    """Write a line for the worker; lines of several threads don't mix."""
    sys.stdout.buffer.write(encode_told(told))
    sys.stdout.buffer.flush()


def answer_the_worker() -> None:
    """Tell the figures when the worker asks for them.

    Ends this process at once when the worker that started it has gone, however it went.
    """
    questions = FileIO(sys.stdin.fileno(), closefd=False)  # a buffered one is locked at the end
    try:
        for line in questions:
            if line == ASK:
                _tell(Figures(engine_figures()))
    finally:  # also where it went between its question and our answer
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=answer_the_worker, daemon=True).start()
    run_engine(load_settings(), int(sys.argv[1]), sys.argv[2])
