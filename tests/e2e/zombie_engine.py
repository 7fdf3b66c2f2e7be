"""An engine process that stops itself once, at an exact moment, as a failing machine might.

python -m tests.e2e.zombie_engine MOMENT TOPIC FLAG GENERATION: it stops when the file FLAG is there
and, but for `opening`, when it has records of TOPIC in hand. The product knows nothing of this.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from stream.engine import app
from stream.engine.outbox import Outbox, Outgoing, Positions
from stream.settings import load_settings
from stream.worker import run_engine

OPENING = "opening"
"""Before its producer opens."""
SENDING = "sending"
"""It has decided what to send, and has not sent it."""
SENT = "sent"
"""The broker has it; neither the local store nor the position does."""


SESSION_SECONDS = 3.0
"""Its group waits for it no longer than this: half as long as for others."""


def stop_at(moment: str, topic: str, flag: Path) -> None:
    """Let the outbox stop this process at a moment."""
    enter, send = Outbox.__aenter__, Outbox.send

    def stop(here: str) -> None:
        if here == moment and flag.exists():
            flag.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)

    async def opening(self: Outbox) -> Outbox:
        stop(OPENING)
        return await enter(self)

    async def sending(self: Outbox, messages: Iterable[Outgoing]) -> Positions:
        decided = list(messages)
        in_hand = any(message.topic == topic for message in decided)
        if in_hand:
            stop(SENDING)
        ends = await send(self, decided)
        if in_hand:
            stop(SENT)
        return ends

    Outbox.__aenter__ = opening  # type: ignore[method-assign, assignment]
    Outbox.send = sending  # type: ignore[method-assign]


if __name__ == "__main__":
    stop_at(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    app.SESSION_TIMEOUT_SECONDS = SESSION_SECONDS
    run_engine(load_settings(), int(sys.argv[4]), "zombie")
