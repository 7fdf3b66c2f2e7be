from __future__ import annotations

import subprocess
import sys

from stream.health import ASK

FAILS = """
import sys, threading
from stream import worker
answered = threading.Event()
worker._tell = lambda _: answered.set()
threading.Thread(target=worker.answer_the_worker, daemon=True).start()
answered.wait()  # it listens, and goes on listening
sys.exit(3)
"""


def test_an_engine_that_fails_while_it_listens_ends_with_its_own_code() -> None:
    with subprocess.Popen(
        (sys.executable, "-c", FAILS), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(ASK.decode())
        process.stdin.flush()
        assert process.wait(60) == 3
        assert process.stderr is not None
        assert process.stderr.read() == ""
