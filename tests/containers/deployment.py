"""The services of `infra/compose.yaml` as containers: the same images, settings and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

from docker.types import Mount  # type: ignore[import-untyped]
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.composed import FILE, Service

READY_SECONDS = 180
NANOSECONDS = {"s": 1_000_000_000, "m": 60_000_000_000}


class NotWellError(Exception):
    """A container ended, or did not get well; the message ends with its log."""


class Deployment:
    """Containers of one network, each reached by its service's name. All end when it is left."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services
        self._opened = ExitStack()
        self._network: Network

    def __enter__(self) -> Self:
        """Make the network."""
        self._network = self._opened.enter_context(Network())
        return self

    def __exit__(self, *_: object) -> None:
        """End every container, with its volumes."""
        self._opened.close()

    def start(self, *names: str) -> list[DockerContainer]:
        """Start one container more of each service, and wait until all of them are well."""
        started = [self._start(name) for name in names]
        for container in started:
            wait_well(container)
        return started

    def run(self, *command: str) -> str:
        """Run a command of ours to its end, and return what it printed. Raises NotWellError."""
        container = self._start("capture", command)
        code = container.get_wrapped_container().wait()["StatusCode"]
        if code:
            raise NotWellError(f"tonnage {' '.join(command)} ended with {code}:\n{tail(container)}")
        return log(container)

    def _start(self, name: str, command: tuple[str, ...] | None = None) -> DockerContainer:
        service = self._services[name]
        container = (
            DockerContainer(service.image)
            .with_envs(**service.environment)
            .with_network(self._network)
            .with_network_aliases(name)
            .with_exposed_ports(*(int(each.rpartition(":")[2]) for each in _published(service)))
            .with_kwargs(**_limits(service), healthcheck=_health(service), mounts=_mounts(service))
        )
        for path, _, options in (each.partition(":") for each in service.raw.get("tmpfs", ())):
            container.with_tmpfs_mount(path, options)
        if command or service.command:
            container.with_command(list(command or service.command))
        return self._opened.enter_context(container)


def address(container: DockerContainer, port: int) -> str:
    """Return host and port by which this process reaches a port of a container."""
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


def wait_well(container: DockerContainer) -> None:
    """Wait until a container's health check succeeds. Raises NotWellError where it ends instead."""
    wrapped = container.get_wrapped_container()

    def look() -> str:
        wrapped.reload()
        if wrapped.status == "exited":
            raise NotWellError(f"{container.image} ended:\n{tail(container)}")
        return str(wrapped.attrs["State"]["Health"]["Status"])

    def failed(_: Any) -> None:
        raise NotWellError(f"{container.image} is not well:\n{tail(container)}")

    Retrying(
        retry=retry_if_result(lambda status: status != "healthy"),
        stop=stop_after_delay(READY_SECONDS),
        wait=wait_fixed(0.2),
        retry_error_callback=failed,
    )(look)


def log(container: DockerContainer) -> str:
    """Return all that a container printed."""
    return b"".join(container.get_logs()).decode(errors="replace")


def tail(container: DockerContainer) -> str:
    """Return the last lines of what it printed."""
    return "\n".join(log(container).splitlines()[-40:])


def _published(service: Service) -> list[str]:
    return list(service.raw.get("ports", ()))


def _limits(service: Service) -> dict[str, Any]:
    raw = service.raw
    known = ("read_only", "cap_drop", "security_opt", "shm_size", "stop_signal")
    again = {"Name": raw["restart"]}
    return {**{name: raw[name] for name in known if name in raw}, "restart_policy": again}


def _health(service: Service) -> dict[str, Any]:
    """Return the health check; it is asked oftener here, to lose no time."""
    check = service.raw.get("healthcheck", {})
    if check.get("disable"):
        return {"test": ["NONE"]}
    times = {
        name: _nanoseconds(check[name]) for name in ("timeout", "start_period") if name in check
    }
    return {"test": check["test"], "interval": _nanoseconds("2s"), "retries": 90, **times}


def _nanoseconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)([sm])", text)
    assert found, text
    return int(found[1]) * NANOSECONDS[found[2]]


def _mounts(service: Service) -> list[Mount]:
    """Return files of ours as they are, and volumes without names, so that none outlives a test."""
    return [
        Mount(target, str((FILE.parent / source).resolve()), type="bind", read_only=True)
        if source.startswith(".")
        else Mount(target, None, type="volume")
        for source, target in service.mounts
    ]
