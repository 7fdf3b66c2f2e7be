"""The background supervisor of one home: its configuration, its life, its parts' states."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from infra.errors import TonnageError
from infra.home import Home
from infra.services.part import Part, write_private

# A part that ends sooner than this after its start is started again with growing delays.
START_SECONDS = 3
RETRIES = 1_000_000
MARK = "TONNAGE_PART_OF"
ALIVE = {"STARTING", "RUNNING", "STOPPING"}


@dataclass(frozen=True)
class State:
    """What the supervisor knows of one part; `since` is a Unix time, `exit_code` the last end's."""

    name: str
    state: str
    pid: int
    since: int
    exit_code: int


def configuration(home: Home, names: Iterable[str], parts: dict[str, Any]) -> str:
    """Render the supervisor's configuration for the named parts."""
    sections = [_daemon(home), _listener(home)]
    sections += [_program(home, name, parts[name]) for name in names]
    return "\n".join(sections)


def _python(*arguments: str) -> str:
    # % is the configuration's own escape
    return shlex.join([sys.executable, "-m", *arguments]).replace("%", "%%")


def _path(path: object) -> str:
    return str(path).replace("%", "%%")


def _daemon(home: Home) -> str:
    user = "user=root\n" if os.geteuid() == 0 else ""
    return f"""\
[supervisord]
{user}logfile={_path(home.logs / "supervisor.log")}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={_path(home.run / "supervisor.pid")}
childlogdir={_path(home.logs)}
[unix_http_server]
file={_path(home.socket)}
chmod=0600
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def _listener(home: Home) -> str:
    return f"""\
[eventlistener:listener]
command={_python("infra.listener", str(home.root))}
events=PROCESS_STATE
buffer_size=1000
startretries={RETRIES}
stdout_logfile=NONE
stderr_logfile={_path(home.logs / "listener.log")}
stderr_logfile_maxbytes=1MB
stderr_logfile_backups=1
"""


def _program(home: Home, name: str, part: dict[str, Any]) -> str:
    return f"""\
[program:{name}]
command={_python("infra.launch", str(home.root), name)}
autostart=false
autorestart=true
startsecs={START_SECONDS}
startretries={RETRIES}
stopsignal={part["stop_signal"]}
stopwaitsecs={part["stop_seconds"]}
stopasgroup={"false" if part["stop_signal"] == "INT" else "true"}
killasgroup=true
redirect_stderr=true
stdout_logfile={_path(home.logs / f"{name}.log")}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


class Supervisor:
    """A client of the home's supervisor, which may or may not run."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def _call(self, method: str, *arguments: object) -> Any:
        # a proxy of its own for each call: it is not safe to share between threads
        transport = SupervisorTransport("", "", f"unix://{self.home.socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def runs(self) -> bool:
        """Tell whether the supervisor answers."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, HTTPException):
            return False

    def states(self) -> dict[str, State]:
        """Return the state of every part that the supervisor knows; none when it does not run."""
        try:
            found = self._call("getAllProcessInfo")
        except (OSError, HTTPException):
            return {}
        return {
            each["name"]: State(
                each["name"], each["statename"], each["pid"], each["start"], each["exitstatus"]
            )
            for each in found
            if each["name"] != "listener"
        }

    def worker_pids(self) -> list[int]:
        """Return the pids of the workers that run."""
        return [
            each.pid
            for name, each in sorted(self.states().items())
            if name.startswith("worker_") and each.pid and each.state in ALIVE
        ]

    def know(self, parts: Iterable[Part]) -> None:
        """Take the parts' commands; start the supervisor unless it runs."""
        known = self.home.read("run/parts.json")
        for part in parts:
            known[part.name] = {
                "command": part.command,
                "environment": dict(part.environment),
                "address": part.address,
                "user": part.user,
                "stop_signal": part.stop_signal,
                "stop_seconds": part.stop_seconds,
            }
        self.home.write("run/parts.json", known)
        file = self.home.run / "supervisord.conf"
        write_private(file, configuration(self.home, known, known))
        if self.runs():
            for name in self._call("reloadConfig")[0][0]:
                self._call("addProcessGroup", name)
            return
        self._daemonise(str(file))

    def _daemonise(self, file: str) -> None:
        # settings of this moment are the parts' own, not the daemon's for the days to come
        clean = {key: value for key, value in os.environ.items() if not key.startswith("TONNAGE_")}
        clean[MARK] = str(self.home.root)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", file]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env=clean,
            stdin=subprocess.DEVNULL,
        )
        ready = Retrying(
            retry=retry_if_result(lambda alive: not alive),
            wait=wait_fixed(0.05),
            stop=stop_after_delay(10),
            retry_error_callback=lambda _: False,
        )
        if done.returncode or not ready(self.runs):
            tail = (done.stdout + done.stderr).strip() or self.home.log_tail("supervisor")
            raise TonnageError(f"the supervisor did not start in {self.home.root}:\n{tail}")

    def start(self, name: str) -> None:
        """Start a part, unless it runs; don't wait for it."""
        try:
            self._call("startProcess", name, False)  # noqa: FBT003 - XML-RPC has no keywords
        except Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise TonnageError(f"{name} can't be started: {fault.faultString}") from fault

    def stop(self, name: str) -> None:
        """Stop a part and wait until it has ended."""
        try:
            self._call("stopProcess", name)
        except Fault as fault:
            if "NOT_RUNNING" not in fault.faultString and "BAD_NAME" not in fault.faultString:
                raise TonnageError(f"{name} can't be stopped: {fault.faultString}") from fault

    def shut_down(self) -> None:
        """End the supervisor and whatever it still runs."""
        pid_file = self.home.run / "supervisor.pid"
        try:
            daemon = psutil.Process(self._call("getPID"))
            self._call("shutdown")
        except (OSError, HTTPException, psutil.NoSuchProcess):
            return
        daemon.wait(timeout=60)
        pid_file.unlink(missing_ok=True)

    def sweep(self) -> None:
        """End processes of this home that outlived their supervisor."""
        left = [process for process in psutil.process_iter() if self._is_ours(process)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(left, timeout=15)[1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == str(self.home.root)
        except psutil.Error:
            return False
