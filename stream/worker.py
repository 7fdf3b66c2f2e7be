"""A worker: the steps of one generation and its sink, on Faust."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import faust
import psycopg
import uvloop
from faust.types import TP
from faust.web import Request, Response, View

from stream.engine.app import StepApp, make_app
from stream.engine.frontier import Frontier
from stream.engine.keyvalue import KeyValue, MemoryKeyValue, RocksKeyValue
from stream.engine.outbox import Outbox
from stream.engine.restore import Restorer, StateKeeper
from stream.engine.runner import StepRunner
from stream.engine.state import PartitionStore
from stream.engine.trim import keep_trimming
from stream.engine.watchdog import Watchdog
from stream.names import Topics
from stream.read_store import begin_generation, migrate, serving_generation
from stream.settings import Settings
from stream.sink import Sink, connections
from stream.steps.step import Step
from stream.topics import ensure_topics, generation_topics
from stream.topology import steps_of, topics_of

log = logging.getLogger(__name__)

FIRST_GENERATION = 1


def prepare(settings: Settings) -> Topics:
    """Make what a worker needs: the read store's and its generation's tables, its topics.

    Returns the topics.
    """
    migrate(settings)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        generation = serving_generation(connection) or FIRST_GENERATION
        topics = topics_of(settings, generation)
        begin_generation(connection, settings, topics)
    changelogs = tuple(topics.changelog(step.name) for step in steps_of(settings, topics))
    ensure_topics(settings, *generation_topics(topics, changelogs))
    return topics


def run_worker(settings: Settings, port: int) -> None:
    """Run a worker until it is told to stop; what a step raises ends it."""
    topics = prepare(settings)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(
        build(settings, topics, port),
        loop=loop,
        loglevel=settings.log_level,
        redirect_stdouts=False,
        quiet=True,
    )
    worker.execute_from_commandline()


def build(settings: Settings, topics: Topics, port: int) -> StepApp:
    """Put a worker together."""
    servers = settings.need("bootstrap_servers")
    folder = worker_folder(settings, topics, port)
    outbox = Outbox(servers)
    pool = connections(settings.need("read_store_dsn"))
    restorer = Restorer(servers, outbox)
    sink = Sink(topics, pool, outbox)
    runners = [
        StepRunner(step, topics, outbox, restorer, sink.open_incident)
        for step in steps_of(settings, topics)
    ]

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
        bootstrap_servers=servers,
        runners=[*runners, sink],
        keeper=keeper,
        batch_size=settings.batch_size,
        resources=resources(),
        commit_interval_ms=settings.commit_interval_ms,
        web_port=port,
        folder=folder,
    )
    add_health(app)

    def leads() -> bool:
        return TP(topics.rows, 0) in app.consumer.assignment()

    frontier = Frontier(
        bootstrap_servers=servers,
        offsets_topic=settings.connect_offsets_topic,
        connector=settings.connector_name,
        group=topics.group,
        partitions=topics.partitions,
        stages=[*(runner.topics for runner in runners), sink.topics],
        kept=sink.kept,
        store=sink.store_frontier,
        leads=leads,
    )
    app.task(frontier.run)
    watchdog = Watchdog(
        lambda: app.consumer.finished,
        lambda: app.consumer.committed(),  # noqa: PLW0108 - the consumer is made when the app starts
    )
    app.task(watchdog.run)
    app.task(partial(keep_trimming, servers, topics.group, (topics.rows, topics.facts), leads))
    return app


def worker_folder(settings: Settings, topics: Topics, port: int) -> Path:
    """Return the folder of a worker's state: no two workers of a machine share a port."""
    return settings.state_folder / topics.group / f"worker-{port or os.getpid()}"


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


def add_health(app: StepApp) -> None:
    """Answer whether input flows."""

    @app.page("/health")  # type: ignore[untyped-decorator]
    async def health(view: View, request: Request) -> Response:
        del request
        ready = app.ready
        body = {"ready": ready, "restored": app.keeper.progress.done}
        return view.json(body, status=200 if ready else 503)
