"""Each request has an id: the caller's own, or one of ours. It is in the answer and in the logs."""

from __future__ import annotations

import logging
import re
import time
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.logs import request_id

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
_TAKEN = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class Identified:
    """Middleware that names each request; `told` says whether each is a line of the log."""

    def __init__(self, app: ASGIApp, *, told: bool) -> None:
        self._app = app
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(HEADER, "")
        name = sent if _TAKEN.fullmatch(sent) else token_hex(8)
        status = 500

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        request_id.set(name)  # of this request's task alone, and until it ends
        began = time.perf_counter()
        try:
            await self._app(scope, receive, named)
        finally:
            if self._told:
                seconds = round(time.perf_counter() - began, 6)
                fields = {"method": scope["method"], "path": scope["path"]}
                log.info("answered", extra={**fields, "status": status, "seconds": seconds})
