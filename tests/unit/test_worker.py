from __future__ import annotations

import subprocess
import sys

FAILS = """
import sys, threading, time
from stream.worker import answer_the_worker
threading.Thread(target=answer_the_worker, daemon=True).start()
time.sleep(0.2)
sys.exit(3)
"""


def test_an_engine_that_fails_while_it_listens_ends_with_its_own_code() -> None:
    with subprocess.Popen(
        (sys.executable, "-c", FAILS), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.wait(60) == 3
        assert process.stderr is not None
        assert process.stderr.read() == ""
