"""The local stack's workers, stopped for a while."""

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
    supervisor = Supervisor(home)
    names = [
        name
        for name, each in supervisor.states().items()
        if name.startswith("worker_") and each.state in ALIVE
    ]
    for name in names:
        supervisor.stop(name)
    try:
        yield
    finally:
        for name in names:
            supervisor.start(name)
