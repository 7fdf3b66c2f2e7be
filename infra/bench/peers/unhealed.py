"""Our engine without what makes zombies harmless: a build for the measurement only.

It never looks whether somebody else has written to its changelogs or to the public topics.
"""

from __future__ import annotations

import sys

from stream.engine.runner import StepRunner
from stream.publisher import Publisher
from stream.settings import load_settings
from stream.worker import run_engine


async def _look_nowhere(_self: object) -> None:
    """Look nowhere."""


if __name__ == "__main__":
    StepRunner.idle = _look_nowhere  # type: ignore[method-assign, assignment]
    Publisher.look = _look_nowhere  # type: ignore[method-assign, assignment]
    run_engine(load_settings(), int(sys.argv[1]), sys.argv[2])
