"""Signals to processes of a stack, such as a worker and the engines that it runs."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil


def kill(pid: int) -> None:
    """Kill a process, unless it has just ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a worker and its engines."""
    worker = psutil.Process(pid)
    for process in (worker, *worker.children()):
        process.send_signal(number)
