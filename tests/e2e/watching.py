"""A watch with settings of the test's own, in place of the stack's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from infra.services.part import TONNAGE
from tests.e2e.pipeline import Pipeline, until

_LOOKS = "SELECT FROM tonnage.watch WHERE looked_at > now() - interval '1 second'"


@contextmanager
def watch(pipeline: Pipeline, **settings: str) -> Iterator[None]:
    """Let it look in place of the stack's."""
    pipeline.supervisor.stop("watch")
    environment = {**os.environ, "TONNAGE_HOME": str(pipeline.settings.home), **settings}
    with (
        (pipeline.settings.home / "logs" / "own-watch.log").open("ab") as log,
        subprocess.Popen([TONNAGE, "connector", "watch"], env=environment, stderr=log) as process,
    ):
        until(lambda: bool(pipeline.rows(_LOOKS)), "a watch that looks")
        yield
        process.terminate()
        assert process.wait(10) == 0
    pipeline.supervisor.start("watch")
