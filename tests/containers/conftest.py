"""PostgreSQL in a container. Where no Docker can be had, the tests say so at the very end, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config

from tests.containers.docker_daemon import NoDockerError, docker_daemon
from tests.containers.postgres_image import postgres_image

SETTINGS = "-c wal_level=logical -c fsync=off"

_not_run: list[str] = []


@pytest.fixture(scope="module")
def container() -> Iterator[PostgresContainer]:
    """A PostgreSQL server with logical decoding."""
    testcontainers_config.ryuk_disabled = True  # it would be one more image to pull
    try:
        with docker_daemon() as client:
            server = PostgresContainer(postgres_image(client), password="secret", driver=None)
            with server.with_command(f"postgres {SETTINGS}"):
                yield server
    except NoDockerError as error:
        _not_run.append(str(error))
        pytest.skip(f"NOT TESTED in a container: {error}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in _not_run:
        terminalreporter.write_sep("!", "NOTHING WAS TESTED IN CONTAINERS", red=True, bold=True)
        terminalreporter.write_line(reason)
