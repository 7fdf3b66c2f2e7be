"""An ASGI app that does nothing but answer the bytes of a file: what HTTP alone costs."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.types import Receive, Scope, Send


class Bytes:
    """Answers every request with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        Bytes(Path(sys.argv[1]).read_bytes()),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])
