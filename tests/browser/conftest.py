"""A browser before the real stack. Where no Chromium can be had, the very end says so, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import psycopg
import pytest
from playwright.sync_api import Browser

from infra import caught_up
from stream.settings import Settings
from tests import debian
from tests.browser.chromium import chromium, find
from tests.browser.dashboard import Dashboard, open_page
from tests.browser.lifting import Lifter, lifter_of
from tests.e2e.app import App

Reading = Callable[..., AbstractContextManager[Dashboard]]

_not_run: list[str] = []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        program = find()
    except debian.NotInstalledError as error:
        _not_run.append(f"there is no Chromium: {error}")
        pytest.skip(f"NOT TESTED in a browser: {_not_run[-1]}")
    with chromium(program) as running:
        yield running


@pytest.fixture(scope="module")
def app(stack: Settings) -> Iterator[App]:
    with psycopg.connect(stack.need("source_dsn"), autocommit=True) as connection:
        yield App(connection)


@pytest.fixture(scope="module")
def lifter(stack: Settings, app: App) -> Lifter:
    made = lifter_of(app)
    caught_up.wait(stack)
    return made


@pytest.fixture
def reading(stack: Settings, browser: Browser) -> Reading:
    """Opens a page: `with reading(width=390, scheme="dark") as dashboard`."""
    return partial(open_page, stack, browser)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in _not_run:
        terminalreporter.write_sep("!", "NOTHING WAS TESTED IN A BROWSER", red=True, bold=True)
        terminalreporter.write_line(reason)
