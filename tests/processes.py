"""Signals to a worker: to itself and the engines that it runs."""

from __future__ import annotations

import signal

import psutil


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a worker and its engines."""
    worker = psutil.Process(pid)
    for process in (worker, *worker.children()):
        process.send_signal(number)
