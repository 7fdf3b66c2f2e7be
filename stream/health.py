"""What an engine process tells its worker about itself."""

from __future__ import annotations

import msgspec


class EngineEndedError(Exception):
    """The engine of the generation that serves has ended by itself; the log above says why."""


class Health(msgspec.Struct, frozen=True):
    """Whether input flows, and how many records its state was restored from."""

    ready: bool = False
    restored: int = 0


_encode = msgspec.json.Encoder().encode
decode_health = msgspec.json.Decoder(Health).decode
"""Read a line of health. Raises msgspec.DecodeError for anything else."""


def encode_health(health: Health) -> str:
    """Write a line of health."""
    return _encode(health).decode()
