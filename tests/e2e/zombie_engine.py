"""An engine process that stops itself once, at an exact moment, as a failing machine might.

python -m tests.e2e.zombie_engine MOMENT FLAG GENERATION: it stops when the file FLAG is there.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from stream.engine.outbox import Outbox, Outgoing, Positions
from stream.settings import load_settings
from stream.worker import run_engine

MOMENTS = ("opening", "sending", "sent")


def stop_at(moment: str, flag: Path) -> None:
    """Let the outbox stop this process at a moment."""
    enter, send = Outbox.__aenter__, Outbox.send

    def stop(here: str) -> None:
        if here == moment and flag.exists():
            flag.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)

    async def opening(self: Outbox) -> Outbox:
        stop("opening")
        return await enter(self)

    async def sending(self: Outbox, messages: Iterable[Outgoing]) -> Positions:
        decided = list(messages)
        if decided:
            stop("sending")
        ends = await send(self, decided)
        if decided:
            stop("sent")
        return ends

    Outbox.__aenter__ = opening  # type: ignore[method-assign, assignment]
    Outbox.send = sending  # type: ignore[method-assign]


if __name__ == "__main__":
    stop_at(sys.argv[1], Path(sys.argv[2]))
    run_engine(load_settings(), int(sys.argv[3]), "zombie")
