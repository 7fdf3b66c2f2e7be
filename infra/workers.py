"""The local stack's workers: stopped for a while, or started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.home import Home
from infra.supervision import ALIVE, Supervisor


@contextmanager
def paused(home: Home) -> Iterator[None]:
    """Stop the workers that this home's supervisor runs, and start them again at the end.

    Workers that were started elsewhere are not ours to stop.
    """
    stop_all(home)
    try:
        yield
    finally:
        start_all(home)


def stop_all(home: Home) -> None:
    """Stop the workers that this home's supervisor runs."""
    supervisor = Supervisor(home)
    for name, each in supervisor.states().items():
        if _is_worker(name) and each.state in ALIVE:
            supervisor.stop(name)


def start_all(home: Home) -> None:
    """Start the workers that this home's supervisor knows and that don't run."""
    supervisor = Supervisor(home)
    for name, each in supervisor.states().items():
        if _is_worker(name) and each.state not in ALIVE:
            supervisor.start(name)


def _is_worker(name: str) -> bool:
    return name.startswith("worker_")
