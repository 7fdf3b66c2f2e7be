"""What an engine process tells its worker about itself, a line of JSON each time."""

from __future__ import annotations

import msgspec

from stream.figures import Family


class EngineEndedError(Exception):
    """The engine of the generation that serves has ended by itself; the log above says why."""


class Health(msgspec.Struct, frozen=True, tag="health"):
    """Whether input flows, and how many records its state was restored from."""

    ready: bool = False
    restored: int = 0


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    """The figures of its metrics, when it was asked."""

    families: list[Family]


ASK = b"figures\n"
"""What a worker writes to have an engine's figures."""

decode_told = msgspec.json.Decoder(Health | Figures).decode
"""Read a line. Raises msgspec.DecodeError for anything else."""

_encode = msgspec.json.Encoder().encode


def encode_told(told: Health | Figures) -> bytes:
    """Write a line."""
    return _encode(told) + b"\n"
