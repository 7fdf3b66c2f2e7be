"""A worker: one engine process for each generation whose figures are kept up.

It follows the read store's list of generations: what is begun is started here, what is dropped
is stopped, and what serves decides whether the worker is ready. An engine of the serving
generation that ends, ends the worker, so that whoever runs it sees it and starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import msgspec
import psycopg
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from stream import logs
from stream.figures import Family, worker_page
from stream.first import ensure_first
from stream.generations import LIVE, Generation, State, check, differing, generations
from stream.health import ASK, EngineEndedError, Figures, Health, decode_told
from stream.janitor import sweep
from stream.settings import Settings
from stream.topics import prepare_topics

log = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.5
SWEEP_SECONDS = 10
STOP_SECONDS = 15
BACK_OFF_SECONDS = 5
FIGURES_SECONDS = 2
LINE_BYTES = 16 << 20


@dataclass
class Engine:
    """A process that runs one generation; `health` is what it said last."""

    process: Process
    health: Health = field(default_factory=Health)
    _asked: asyncio.Future[list[Family]] | None = None

    async def listen(self) -> None:
        """Take what it says of itself, until it ends."""
        assert self.process.stdout is not None  # noqa: S101 - it is started with a pipe
        async for line in self.process.stdout:
            with suppress(msgspec.DecodeError):
                self._take(decode_told(line))
        self.health = Health()
        await self.process.wait()

    def _take(self, told: Health | Figures) -> None:
        if isinstance(told, Health):
            self.health = told
        elif self._asked is not None and not self._asked.done():
            self._asked.set_result(told.families)

    async def figures(self) -> list[Family]:
        """Ask it for its figures; none where it does not answer."""
        assert self.process.stdin is not None  # noqa: S101 - it is started with a pipe
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_future()
            self.process.stdin.write(ASK)
        try:
            return await asyncio.wait_for(asyncio.shield(self._asked), FIGURES_SECONDS)
        except TimeoutError:
            return []

    async def stop(self) -> None:
        """Let it finish what it has begun, and end."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


class Host:
    """The engines of a worker. `name` tells it from the machine's other workers."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._engines: dict[int, tuple[Engine, asyncio.Task[None]]] = {}
        self._retry_at: dict[int, float] = {}
        self._serving: int | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._settings.metrics_host

    @property
    def health(self) -> Health:
        """How the engine of the serving generation is."""
        found = self._engines.get(self._serving or 0)
        return found[0].health if found else Health()

    async def figures(self) -> dict[int, list[Family]]:
        """Return the figures of each engine, by its generation."""
        engines = {number: engine for number, (engine, _) in self._engines.items()}
        found = await asyncio.gather(*(engine.figures() for engine in engines.values()))
        return dict(zip(engines, found, strict=True))

    async def run(self) -> None:
        """Keep the engines as the read store's generations say. Raises EngineEndedError."""
        swept = monotonic()
        try:
            while True:
                await self._follow(await asyncio.to_thread(self._generations))
                if monotonic() - swept >= SWEEP_SECONDS:
                    await asyncio.to_thread(self._sweep)
                    swept = monotonic()
                await self._wait()
        finally:
            await asyncio.gather(*(engine.stop() for engine, _ in self._engines.values()))

    def _generations(self) -> Sequence[Generation] | None:
        """Return what is live and was built with our settings; None where nobody answers."""
        try:
            with psycopg.connect(self._settings.need("read_store_dsn")) as connection:
                found = generations(connection)
        except psycopg.OperationalError as error:
            log.warning("the read store does not answer, going on as we are: %s", error)
            return None
        live = [each for each in found if each.state in LIVE]
        return [each for each in live if not differing(self._settings, each)]

    async def _follow(self, wanted: Sequence[Generation] | None) -> None:
        if wanted is None:
            return
        self._serving = next((each.number for each in wanted if each.state == State.SERVING), None)
        numbers = {each.number for each in wanted}
        for number in self._engines.keys() - numbers:
            engine, listening = self._engines.pop(number)
            log.info("generation %d is not needed any more", number)
            await engine.stop()
            await listening
        for number in sorted(numbers - self._engines.keys()):
            if self._retry_at.get(number, 0) <= monotonic():
                await self._start(number)

    async def _start(self, number: int) -> None:
        log.info("starting the engine of generation %d", number)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stream.worker", str(number), self._name),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_BYTES,
        )
        engine = Engine(process)
        self._engines[number] = engine, asyncio.create_task(engine.listen())

    async def _wait(self) -> None:
        """Wait a moment, or until an engine has ended."""
        tasks = {listening: number for number, (_, listening) in self._engines.items()}
        if not tasks:
            await asyncio.sleep(FOLLOW_SECONDS)
            return
        done, _ = await asyncio.wait(
            tasks, timeout=FOLLOW_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        for number in (tasks[task] for task in done):
            engine, _ = self._engines.pop(number)
            code = engine.process.returncode
            if number == self._serving:
                raise EngineEndedError(f"the engine of generation {number} ended with code {code}")
            log.error("the engine of generation %d ended with code %s", number, code)
            self._retry_at[number] = monotonic() + BACK_OFF_SECONDS

    def _sweep(self) -> None:
        try:
            sweep(self._settings, self._name)
        except psycopg.OperationalError as error:
            log.warning("nothing is cleared away now: %s", error)


def run_worker(settings: Settings, port: int) -> None:
    """Run a worker until it is told to stop.

    Raises SettingsError where what serves was built with other settings and nothing is being
    built with these; TopicsError; EngineEndedError.
    """
    logs.set_up(settings)
    logging.getLogger("kafka").setLevel(logging.WARNING)
    serving = ensure_first(settings)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        built = [each for each in generations(connection) if each.state == State.BUILDING]
    if not any(not differing(settings, each) for each in built):
        check(settings, serving)
    prepare_topics(settings, serving)
    asyncio.run(_serve(Host(settings, f"worker-{port or os.getpid()}"), port))


async def _serve(host: Host, port: int) -> None:
    running = asyncio.ensure_future(host.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    runner = web.AppRunner(_web_app(host), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.address, port).start()
        with suppress(asyncio.CancelledError):
            await running
    finally:
        running.cancel()
        await asyncio.wait([running])
        await runner.cleanup()


def _web_app(host: Host) -> web.Application:
    async def health(request: web.Request) -> web.Response:
        del request
        now = host.health
        return web.json_response(msgspec.structs.asdict(now), status=200 if now.ready else 503)

    async def metrics(request: web.Request) -> web.Response:
        del request
        page = worker_page(await host.figures())
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    return app
