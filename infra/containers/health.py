"""Whether a container's program does its work: `python -m infra.containers.health`.

Exits 0 or 1 and prints why. What to ask follows from the container's first process: the API is
asked whether it is alive, a worker whether it has its partitions and their state, the watch whether
it has looked just now. Any other command is well as long as it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.services.part import LOOPBACK, NotReady, answers
from infra.services.watch import looks
from stream.settings import SettingsError, load_settings

_FIRST = Path("/proc/1/cmdline")


def check(command: str) -> None:
    """Raise NotReady, or SettingsError, unless the program that a command line names is well."""
    if "api run" in command:
        answers(f"http://{LOOPBACK}:{load_settings().api_port}/healthz")
    elif "stream run" in command:
        answers(f"http://{LOOPBACK}:{os.environ['TONNAGE_WORKER_PORT']}/health")
    elif "connector watch" in command:
        looks(load_settings().need("read_store_dsn"))


if __name__ == "__main__":
    try:
        check(_FIRST.read_text().replace("\0", " "))
    except (NotReady, SettingsError) as error:
        sys.exit(str(error))
