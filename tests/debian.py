"""Debian packages that tests need and nothing else does."""

from __future__ import annotations

import os
import shutil
import subprocess


class NotInstalledError(Exception):
    """A package can't be installed here; the message says what to do."""


def install(*packages: str) -> None:
    """Install packages. Raises NotInstalledError with the last line of what failed."""
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NotInstalledError(f"install it (Debian: sudo apt-get install {wanted})")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NotInstalledError(f"apt-get failed: {last_line(done.stderr)}")


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return ([line for line in text.splitlines() if line.strip()] or ["it said nothing"])[-1]
