"""A worker of the stream."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from infra.services.part import LOOPBACK, TONNAGE, Part, answers


def worker(name: str, port: int, environment: Mapping[str, str]) -> Part:
    """Describe a worker; it is ready when it has its partitions and their state."""
    url = f"http://{LOOPBACK}:{port}"
    return Part(
        name=name,
        command=(TONNAGE, "stream", "run"),
        address=url,
        metrics="tonnage-worker",
        probe=partial(answers, f"{url}/health"),
        environment={**environment, "TONNAGE_WORKER_PORT": str(port)},
        stop_seconds=20,
    )
