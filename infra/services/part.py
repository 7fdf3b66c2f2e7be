"""What the local stack needs to know of each of its servers."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx

LOOPBACK = "127.0.0.1"
TONNAGE = str(Path(sys.executable).with_name("tonnage"))


class NotReady(Exception):  # noqa: N818 - a state that passes, not an error
    """The server does not answer as it should yet; the message says what it did."""


def nothing_to_prepare() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One supervised process.

    `prepare` runs before the first start (make a data folder, write a configuration) and must
    do no harm when it runs again. `metrics` is the job as which Prometheus knows it, where it has
    `/metrics`. `probe` returns when the part does its work and raises
    NotReady before. `user` is the system user that runs it; None is whoever calls.
    """

    name: str
    command: tuple[str, ...]
    address: str
    probe: Callable[[], None]
    prepare: Callable[[], None] = nothing_to_prepare
    environment: Mapping[str, str] = field(default_factory=dict)
    metrics: str | None = None
    user: str | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    ready_seconds: int = 180


@cache
def _client() -> httpx.Client:
    # kept, since each new one reads all certificates, and a start asks some hundred times
    return httpx.Client(timeout=2, trust_env=False)


def answers(url: str) -> None:
    """Raise NotReady unless an HTTP GET of the URL answers 200."""
    try:
        response = _client().get(url)
    except httpx.HTTPError as error:
        raise NotReady(f"{url}: {error!r}") from error
    if response.status_code != httpx.codes.OK:
        raise NotReady(f"{url} answers {response.status_code}: {response.text[:200].strip()}")


def listens(port: int) -> None:
    """Raise NotReady unless something accepts connections on the loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError as error:
        raise NotReady(f"nothing listens on {LOOPBACK}:{port} yet") from error


def properties(values: Mapping[str, object]) -> str:
    """Render a Java properties file; backslashes are the format's escape."""
    return "".join(
        f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in values.items()
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def write_json(path: Path, value: object) -> None:
    """Write a private JSON file, at once or not at all."""
    write_private(path, json.dumps(value, indent=2) + "\n")
