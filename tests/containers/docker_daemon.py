"""A Docker daemon for tests: the one that runs, or one of our own while they last."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docker.errors import DockerException  # type: ignore[import-untyped]
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed
from testcontainers.core.docker_client import DockerClient

from tests import debian
from tests.debian import last_line

PACKAGES = ("docker.io", "iptables", "mmdebstrap")
DEFAULT_HOST = "unix:///var/run/docker.sock"
START_SECONDS = 30
STOP_SECONDS = 30
ANSWER_SECONDS = 120


class NoDockerError(Exception):
    """Docker can't be had here; the message says what to do."""


@contextmanager
def docker_daemon() -> Iterator[Any]:
    """Give a client of a daemon. Raises NoDockerError where there is none and none starts."""
    if _listens():
        with _client() as client:
            yield client
        return
    if "DOCKER_HOST" in os.environ:
        raise NoDockerError(f"no Docker daemon answers at {os.environ['DOCKER_HOST']}")
    if os.geteuid() != 0:
        raise NoDockerError("no Docker daemon answers, and only root may start one: start it")
    if shutil.which("dockerd") is None:
        install(*PACKAGES)
    with _started(), _client() as client:
        yield client


def install(*packages: str) -> None:
    """Install Debian packages. Raises NoDockerError where that can't be done."""
    try:
        debian.install(*packages)
    except debian.NotInstalledError as error:
        raise NoDockerError(f"Docker is not installed: {error}") from error


def _listens() -> bool:
    """Say whether a daemon is there; the library's client leaves sockets open where none is."""
    address = urlsplit(os.environ.get("DOCKER_HOST", DEFAULT_HOST))
    target: str | tuple[str | None, int | None]
    if address.scheme == "unix":
        family, target = socket.AF_UNIX, address.path
    elif address.scheme == "tcp":
        family, target = socket.AF_INET, (address.hostname, address.port)
    else:
        return True
    with socket.socket(family) as probe:
        try:
            probe.connect(target)
        except OSError:
            return False
    return True


@contextmanager
def _client() -> Iterator[Any]:
    try:
        client = DockerClient(timeout=ANSWER_SECONDS).client
    except DockerException as error:
        raise NoDockerError(f"the Docker daemon does not answer: {error}") from error
    with closing(client):
        yield client


@contextmanager
def _started() -> Iterator[None]:
    """Run a daemon, and stop it at the end; its images stay for the next time."""
    with tempfile.TemporaryDirectory(prefix="tonnage-dockerd-") as folder:
        log = Path(folder) / "log"
        with log.open("w") as output, subprocess.Popen(["dockerd"], stderr=output) as process:
            try:
                _wait_until_listening(process, log)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(STOP_SECONDS)


def _wait_until_listening(process: subprocess.Popen[bytes], log: Path) -> None:
    def look() -> bool:
        if process.poll() is not None:
            raise NoDockerError(f"dockerd does not run here: {last_line(log.read_text())}")
        return _listens()

    try:
        Retrying(
            retry=retry_if_result(lambda listens: not listens),
            stop=stop_after_delay(START_SECONDS),
            wait=wait_fixed(0.1),
        )(look)
    except RetryError as error:
        raise NoDockerError(f"dockerd does not listen: {last_line(log.read_text())}") from error
