"""The local stack: `up`, `down`, and what runs."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_fixed

from connectors import capture, registration
from connectors.state import PAUSED
from infra.blueprint import GIVES, KINDS, Blueprint, Draughtsman, from_environment
from infra.errors import TonnageError
from infra.home import Home
from infra.plan import Step, carry_out, possible
from infra.primary import create_app_tables
from infra.services.part import NotReady, Part
from infra.supervision import ALIVE, State, Supervisor
from stream.generations import serving_settings
from stream.read_store import migrate
from stream.settings import Settings
from stream.topics import ensure_topics

# Later parts lean on earlier ones, so they are stopped first; those of a row together.
STOP_ORDER = (("watch",), ("api", "worker"), ("connect",), ("kafka", "read-store"), ("primary",))
BUSY = "another `tonnage up` or `tonnage down` is at work in {}: wait until it is done."


def up(
    home: Home,
    kinds: Collection[str] = KINDS,
    workers: int | None = None,
    seen: Callable[[str, bool], None] = lambda _name, _done: None,
) -> dict[str, Any]:
    """Start what is missing, wait until all of it is ready, and return what `stack.json` holds.

    Raises TonnageError that names the part which failed, with the tail of its log; nothing
    that this call started runs on then, nor when it is interrupted.
    """
    asked = from_environment(**({} if workers is None else {"workers": workers}))
    home.make()
    with home.locked("up", BUSY.format(home.root)):
        supervisor = Supervisor(home)
        if not supervisor.runs():
            supervisor.sweep()
        running = {name for name, each in supervisor.states().items() if each.state in ALIVE}
        blueprint = Draughtsman(home, asked, kinds, running).draw()
        start = Start(home, supervisor, running)
        try:
            supervisor.know(blueprint.parts)
            given = {kind for kind, name in GIVES.items() if getattr(asked, name) is not None}
            carry_out(possible(_steps(blueprint, start), given), given, seen)
            return _publish(home, supervisor, blueprint)
        except BaseException:
            start.undo()
            raise


class Start:
    """Starts parts, remembers which, and can take it back."""

    def __init__(self, home: Home, supervisor: Supervisor, running: Collection[str]) -> None:
        self.home = home
        self.supervisor = supervisor
        self.running = running
        self.started: list[str] = []
        self.over = threading.Event()
        self.gate = threading.Lock()

    def part(self, part: Part) -> None:
        """Start a part that does not run, and wait until it is ready."""
        if part.name not in self.running:
            part.prepare()
            with self.gate:
                if self.over.is_set():
                    return
                self.started.append(part.name)
                self.supervisor.start(part.name)
        try:
            self._ready(part)(self._check, part, {})
        except RetryError as error:
            reason = error.last_attempt.exception()
            raise self._failure(
                part, f"is not ready after {part.ready_seconds} s: {reason}"
            ) from None

    def undo(self) -> None:
        """Stop what was started here; the supervisor as well when nothing else runs."""
        with self.gate:
            self.over.set()
        if self.running:
            _stop(self.supervisor, self.started)
        else:
            _stop_all(self.home, self.supervisor)

    def _ready(self, part: Part) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(NotReady),
            wait=wait_fixed(0.1),
            stop=stop_after_delay(part.ready_seconds),
        )

    def _check(self, part: Part, first: dict[str, int]) -> None:
        """Probe the part; a process that has ended meanwhile will not get ready by itself."""
        state = self.supervisor.states().get(part.name)
        if state is None:
            raise self._failure(part, "was stopped while it was starting")
        if state.state not in ALIVE or first.setdefault("pid", state.pid) != state.pid:
            raise self._failure(part, f"ended while it was starting (exit code {state.exit_code})")
        part.probe()

    def _failure(self, part: Part, what: str) -> TonnageError:
        log = self.home.logs / f"{part.name}.log"
        return TonnageError(f"{part.name} {what}. {log} ends:\n{self.home.log_tail(part.name)}")


def _steps(blueprint: Blueprint, start: Start) -> list[Step]:
    """Say what is done, and what each step has to wait for."""
    settings = blueprint.settings
    parts = {part.name: partial(start.part, part) for part in blueprint.parts}
    workers = [name for name in parts if name.startswith("worker_")]

    def step(name: str, act: Callable[[], object], *needs: str) -> Step:
        return Step(name, frozenset(needs), act)

    servers = [
        step(name, parts[name]) for name in ("primary", "read-store", "kafka") if name in parts
    ]
    # an app's own primary has its tables; the local one stands in for the app's
    tables = step(
        "app tables", partial(_create_app_tables, settings, local="primary" in parts), "primary"
    )
    # the read store knows which capture serves, where there is one
    known = ("migration",) if settings.read_store_dsn else ()
    prepared = [
        tables,
        step("capture", partial(capture.prepare, settings), tables.name),
        step("migration", partial(migrate, settings), "read-store"),
        step("topics", partial(_topics, settings), "kafka", *known),
    ]
    connector = [
        *([step("connect", parts["connect"], "kafka")] if "connect" in parts else []),
        step("connector", partial(_connector, settings), "connect", "topics", "capture"),
    ]
    served = [step(name, parts[name], "topics", "migration") for name in workers]
    served += [step("api", parts["api"], "migration")] if "api" in parts else []
    if "watch" in parts:
        served.append(step("watch", parts["watch"], "topics", "migration", "capture"))
    return [*servers, *prepared, *connector, *served]


def _create_app_tables(settings: Settings, *, local: bool) -> None:
    if local:
        create_app_tables(settings.need("source_dsn"))


def _topics(settings: Settings) -> None:
    ensure_topics(serving_settings(settings))


def _connector(settings: Settings) -> None:
    """Register the connector that feeds what serves and wait for it, unless it was paused."""
    own = serving_settings(settings)
    registration.apply(own)
    if registration.status(own).connector.state != PAUSED:
        registration.wait_running(own)


def _publish(home: Home, supervisor: Supervisor, blueprint: Blueprint) -> dict[str, Any]:
    """Write `stack.json`: settings by their names, secrets in clear, hence for its owner alone.

    `metrics` says where Prometheus finds what, as its `file_sd_configs` takes it.
    """
    settings = blueprint.settings
    values = {name: getattr(settings, name) for name in _PUBLISHED}
    stack: dict[str, Any] = {
        name: _plain(value) for name, value in values.items() if value is not None
    }
    stack["metrics"] = [
        {
            "targets": [part.address.removeprefix("http://")],
            "labels": {"job": part.metrics, "instance": part.name},
        }
        for part in blueprint.parts
        if part.metrics is not None
    ]
    with home.locked("stack"):
        stack |= {"home": str(home.root), "worker_pids": supervisor.worker_pids()}
        home.write("stack.json", stack)
    return stack


_PUBLISHED = (
    *GIVES.values(),
    "api_url",
    "api_admin_token",
    "jwt_secret",
    "capture_user",
    "capture_password",
    "kafka_security_protocol",
    "kafka_ca",
    "kafka_certificate",
    "kafka_sasl_mechanism",
    "kafka_user",
    "kafka_password",
    "connect_ca",
    "connect_user",
    "connect_password",
)


def _plain(value: object) -> object:
    """Return a setting as JSON can hold it, and as it means the same from another folder."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.absolute()) if isinstance(value, Path) else value


def down(home: Home, *, purge: bool = False) -> list[str]:
    """Stop all in order and return what was stopped; `purge` deletes the data, too."""
    if not home.run.is_dir():
        return []
    with home.locked("up", BUSY.format(home.root)):
        stopped = _stop_all(home, Supervisor(home))
    if purge:
        for name in ("data", "state", "logs", "run", "rebuilds"):
            shutil.rmtree(home.root / name, ignore_errors=True)
        for name in ("secrets.json", "ports.json"):
            (home.root / name).unlink(missing_ok=True)
        if home.socket.parent.is_dir():  # a short one, elsewhere
            home.socket.parent.rmdir()
        if not any(home.root.iterdir()):
            home.root.rmdir()
    return stopped


def _stop_all(home: Home, supervisor: Supervisor) -> list[str]:
    running = [each.name for each in supervisor.states().values() if each.state in ALIVE]
    _stop(supervisor, running)
    supervisor.shut_down()
    supervisor.sweep()
    home.stack_file.unlink(missing_ok=True)
    return running


def _stop(supervisor: Supervisor, names: Collection[str]) -> None:
    """Stop parts, those that lean on others first, those of one row side by side."""
    for row in STOP_ORDER:
        threads = [
            threading.Thread(target=supervisor.stop, args=(name,))
            for name in names
            if name.split("_")[0] in row
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass(frozen=True)
class PartStatus:
    """A part as `status` shows it: memory in MiB with all its children, shared pages shared out."""

    name: str
    state: str
    pid: int | None
    uptime_seconds: int | None
    restarts: int
    memory_mib: float | None
    address: str | None


def status(home: Home) -> list[PartStatus]:
    """Return the state of every part that was started here; none when no stack runs."""
    supervisor = Supervisor(home)
    restarts = home.read("run/restarts.json")
    known = home.read("run/parts.json")
    return [
        _describe(each, restarts.get(name, 0), known[name]["address"])
        for name, each in supervisor.states().items()
        if each.state != "STOPPED" or each.since
    ]


def _describe(state: State, restarts: int, address: str) -> PartStatus:
    lives = state.state in {"RUNNING", "STARTING"}
    return PartStatus(
        name=state.name,
        state=state.state.lower(),
        pid=state.pid if lives else None,
        uptime_seconds=int(time.time()) - state.since if lives else None,
        restarts=restarts,
        memory_mib=_memory(state.pid) if lives else None,
        address=address,
    )


def _memory(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return round(sum(each.memory_full_info().pss for each in family) / 2**20, 1)
    except psutil.Error:
        return None
