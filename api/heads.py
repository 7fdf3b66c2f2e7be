"""HTTP requests whose heads are limited: uvicorn's parser reads one of any length, for ever.

1. A head (request line and headers) of more than 64 KiB ends its connection with a 431. What
   came in the same piece as the head's beginning is not counted.
2. A connection that has sent no whole head after 10 s is closed; so is one that sends nothing.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_REFUSAL = (
    f"HTTP/1.1 {_TOO_LARGE.value} {_TOO_LARGE.phrase}\r\nconnection: close\r\n"
    "content-length: 0\r\n\r\n"
).encode()


class LimitedHeads(HttpToolsProtocol):
    """Reads requests of one connection."""

    most_bytes: ClassVar[int] = 64 * 1024
    most_seconds: ClassVar[float] = 10

    _in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head is too long."""
        had_begun = self._in_head
        super().data_received(data)
        if had_begun and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.most_bytes and not self.transport.is_closing():
                self.transport.write(_REFUSAL)
                self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the rest of a head."""
        super().on_message_begin()
        if not self._in_head:
            self._begin()

    def on_headers_complete(self) -> None:
        """Let the request be answered."""
        self._end()
        super().on_headers_complete()

    def _begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._deadline = self.loop.call_later(self.most_seconds, self.transport.close)

    def _end(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
