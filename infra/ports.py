"""Ports of the local stack: named by a setting, or free ones that stay the same."""

from __future__ import annotations

import random
import socket

from infra.errors import TonnageError
from infra.services.part import LOOPBACK

# Below the range from which the system takes the ports of outgoing connections: else such a
# connection may hold a server's port just while that server restarts.
CANDIDATES = range(15_000, 32_000)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(part: str, variable: str | None, wanted: int, kept: int | None) -> int:
    """Return the port of a part that does not run.

    `wanted` is what the variable says (0: any), `kept` the port it had last time. Raises
    TonnageError when the wanted port is taken.
    """
    if wanted:
        if not is_free(wanted):
            raise TonnageError(
                f"{part} can't start: port {wanted} on {LOOPBACK} is taken. Stop what listens"
                f" there, or set {variable} to another port (0 picks a free one)."
            )
        return wanted
    if kept is not None and is_free(kept):
        return kept
    for port in random.sample(CANDIDATES, 200):
        if is_free(port):
            return port
    raise TonnageError(f"{part} can't start: no free port was found on {LOOPBACK}.")
