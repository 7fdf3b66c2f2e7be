"""Engines beside the local stack's workers: one process for the serving generation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psutil

from infra.bench.ground import Stage
from infra.errors import TonnageError
from stream.generations import Generation
from stream.health import Health, decode_told
from stream.settings import PREFIX

OURS = "stream.worker"
UNHEALED = "infra.bench.peers.unhealed"


@contextmanager
def engine(found: Stage, generation: Generation, module: str = OURS) -> Iterator[psutil.Process]:
    """Run an engine until it is left, and give its process as soon as its input flows."""
    command = (sys.executable, "-m", module, str(generation.number), "bench")
    environment = {**os.environ, f"{PREFIX}HOME": str(found.home.root)}
    log = found.home.logs / "bench-engine.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        for line in process.stdout:
            if _is_ready(line):
                break
        else:
            raise TonnageError(f"{module} ended:\n{log.read_text()[-2000:]}")
        try:
            yield psutil.Process(process.pid)
        finally:  # else a measure that fails would wait for it for ever
            process.terminate()
            process.wait()  # one whose input is closed sooner is killed, and the group waits for it


def _is_ready(line: str) -> bool:
    try:
        told = decode_told(line)
    except msgspec.DecodeError:
        return False
    return isinstance(told, Health) and told.ready
