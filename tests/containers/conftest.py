"""Containers. Where no Docker can be had, the tests say so at the very end, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config

from tests import composed
from tests.containers.deployment import Deployment
from tests.containers.docker_daemon import NoDockerError, docker_daemon
from tests.containers.images import connect_image, kafka_image, postgres_image
from tests.containers.tonnage_image import tonnage_image

SETTINGS = "-c wal_level=logical -c fsync=off"
SECRETS = {
    "POSTGRES_PASSWORD": "postgres",
    "TONNAGE_CAPTURE_PASSWORD": "capture",
    "TONNAGE_JWT_SECRET": "a secret that is long enough for a token",
}

_not_run: list[str] = []
_run_with: dict[str, str] = {}


@pytest.fixture(scope="session")
def docker() -> Iterator[Any]:
    """Give a client of a Docker daemon, or skip."""
    testcontainers_config.ryuk_disabled = True  # it would be one more image to pull
    try:
        with docker_daemon() as client:
            yield client
    except NoDockerError as error:
        _skip(error)


@pytest.fixture(scope="module")
def container(docker: Any) -> Iterator[PostgresContainer]:
    """A PostgreSQL server with logical decoding."""
    try:
        image = postgres_image(docker)
    except NoDockerError as error:
        _skip(error)
    server = PostgresContainer(image, password="secret", driver=None)
    with server.with_command(f"postgres {SETTINGS}"):
        yield server


@pytest.fixture(scope="module")
def deployment(docker: Any) -> Iterator[Deployment]:
    """Every part of the compose file can be started in it; nothing is yet."""
    try:
        images = {
            "POSTGRES_IMAGE": postgres_image(docker),
            "KAFKA_IMAGE": kafka_image(docker),
            "CONNECT_IMAGE": connect_image(docker),
            "TONNAGE_IMAGE": tonnage_image(docker),
        }
    except NoDockerError as error:
        _skip(error)
    _run_with.update(images)
    with Deployment(composed.services(**SECRETS, **images)) as made:
        yield made


def _skip(error: NoDockerError) -> None:
    _not_run.append(str(error))
    pytest.skip(f"NOT TESTED in a container: {error}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in dict.fromkeys(_not_run):
        terminalreporter.write_sep("!", "NOTHING WAS TESTED IN CONTAINERS", red=True, bold=True)
        terminalreporter.write_line(reason)
    for variable, image in _run_with.items():
        terminalreporter.write_line(f"in containers: {variable}={image}")
