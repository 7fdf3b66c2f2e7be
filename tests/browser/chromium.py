"""The system's Chromium: the one that is installed, or Debian's, installed by root."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests import debian

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str:
    """Return where Chromium is. Raises debian.NotInstalledError where it can't be had."""
    found = _found()
    if found is None:
        debian.install("chromium")
        found = _found()
    if found is None:
        raise debian.NotInstalledError("the package chromium has no program of that name")
    return found


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Run a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield browser
        browser.close()


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
