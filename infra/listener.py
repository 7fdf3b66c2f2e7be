"""Keep `stack.json` true while the stack runs: `python -m infra.listener HOME`.

The supervisor runs this as an event listener and tells it of every change of a process.
`worker_pids` is written anew, and starts that nobody asked for are counted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from supervisor import childutils

from infra.home import Home
from infra.supervision import Supervisor

RESTARTED_FROM = {"EXITED", "BACKOFF", "FATAL"}


def note_start(home: Home, part: str, before: str) -> None:
    """Count a restart, or begin anew when the part was started on purpose."""
    counts = home.read("run/restarts.json")
    counts[part] = counts.get(part, 0) + 1 if before in RESTARTED_FROM else 0
    home.write("run/restarts.json", counts)


def note_workers(home: Home) -> None:
    """Write the pids of the workers that run now into `stack.json`."""
    with home.locked("stack"):
        stack = home.read("stack.json")
        pids = Supervisor(home).worker_pids()
        if stack and stack["worker_pids"] != pids:
            home.write("stack.json", {**stack, "worker_pids": pids})


def main(path: str) -> None:
    """Serve the supervisor's events until it ends."""
    home = Home.at(Path(path))
    while os.getppid() != 1:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        event = childutils.get_headers(payload)
        if headers["eventname"] == "PROCESS_STATE_STARTING":
            note_start(home, event["processname"], event["from_state"])
        note_workers(home)
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
