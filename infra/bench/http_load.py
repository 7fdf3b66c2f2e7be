"""A client that costs next to nothing: keep-alive connections that ask the same again and again."""

from __future__ import annotations

import asyncio
import re
from time import monotonic

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


async def ask_for(
    host: str, port: int, request: bytes, connections: int, seconds: float
) -> list[float]:
    """Ask on so many connections for so long; return the seconds that each answer took.

    Raises ConnectionError where an answer is not 200.
    """
    end = monotonic() + seconds
    asked = await asyncio.gather(*(_ask(host, port, request, end) for _ in range(connections)))
    return [each for of_one in asked for each in of_one]


async def _ask(host: str, port: int, request: bytes, end: float) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    took = []
    began = monotonic()
    while began < end:
        writer.write(request)
        await read_answer(reader)
        now = monotonic()
        took.append(now - began)
        began = now
    writer.close()
    await writer.wait_closed()
    return took


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """Return the body of an answer. Raises ConnectionError where it is not 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise ConnectionError(head.decode())
    return await reader.readexactly(int(length[1]))


def request(host: str, port: int, path: str, token: str) -> bytes:
    """Return the bytes of a GET."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
