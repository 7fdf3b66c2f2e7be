from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FETCHES = """
import sys, psutil
from stream.engine.memory import give_back
before, kept = psutil.Process().memory_info().rss, []
for _ in range(3):
    fetched = [b"x" * (1 << 20) for _ in range(64)]
    kept.append(b"x" * 100_000)  # lies behind them, and stays
    fetched.clear()
if sys.argv[1:]:
    give_back()
print((psutil.Process().memory_info().rss - before) >> 20)
"""


def kept_mib(*arguments: str) -> int:
    """Return what a process still holds of 64 MiB that it has fetched three times."""
    command = (sys.executable, "-c", FETCHES, *arguments)
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives it back")
def test_what_was_fetched_is_given_back() -> None:
    assert kept_mib() > 32  # else there is nothing to be mended
    assert kept_mib("give back") < 8
