"""What all tests share: an environment without settings, and one real local stack."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from infra.home import Home
from infra.services.part import TONNAGE
from infra.stack import down
from stream.settings import Settings, load_settings

# A home whose stack is used and left running: for quick runs while one works on something.
KEPT_HOME = "TONNAGE_TEST_HOME"


LOG_LINES = 12


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show, where a test on the stack fails, what the watch and Kafka Connect said last."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack is not None:
        for name in ("watch", "connect"):
            log = stack.home / "logs" / f"{name}.log"
            if log.exists():
                said = log.read_text(errors="replace").splitlines()
                last = [line for line in said if " RestServer " not in line][-LOG_LINES:]
                report.sections.append((f"the end of {name}.log", "\n".join(last)))
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    for name in [name for name in os.environ if name.startswith("TONNAGE_")]:
        if name != KEPT_HOME:
            del os.environ[name]


def tonnage(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a home and other settings; the test looks at the outcome."""
    environment = {**os.environ, **settings, "TONNAGE_HOME": str(home)}
    return subprocess.run(
        [TONNAGE, *arguments], env=environment, check=False, capture_output=True, text=True
    )


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of the test's own; what it leaves running is stopped and deleted."""
    folder = Path(tempfile.mkdtemp(prefix="tonnage-test-"))
    yield folder
    down(Home.at(folder), purge=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[Settings]:
    """The whole local stack, started once for all tests; a test may not count on empty tables."""
    kept = os.environ.get(KEPT_HOME)
    folder = Path(kept or tempfile.mkdtemp(prefix="tonnage-test-")).resolve()
    try:
        done = tonnage(folder, "up")
        assert done.returncode == 0, done.stderr
        yield load_settings(home=folder)
    finally:
        if not kept:
            down(Home.at(folder), purge=True)
            shutil.rmtree(folder, ignore_errors=True)
