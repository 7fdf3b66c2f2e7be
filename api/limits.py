"""Limits of what one caller may ask, and headers that every answer carries."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError, problem_response

_MOST_KEPT = 10_000
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class RateLimit:
    """Token buckets: each caller has `rate` requests a second, as many of them at once.

    They are kept by this process alone. A rate of 0 is no limit.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._clock = clock
        self._held: dict[Hashable, tuple[float, float]] = {}

    def take(self, caller: Hashable) -> None:
        """Count a request. Raises ProblemError 429 for one too many."""
        if not self._rate:
            return
        now = self._clock()
        left, since = self._held.get(caller, (self._most, now))
        left = min(self._most, left + (now - since) * self._rate)
        if left < 1:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self._rate:g} requests a second",
                headers={"Retry-After": str(-int(-(1 - left) // self._rate))},
            )
        if len(self._held) >= _MOST_KEPT:
            self._forget(now)
        self._held[caller] = (left - 1, now)

    def _forget(self, now: float) -> None:
        """Forget the buckets that are full again; all, where none is."""
        full = self._most / self._rate
        self._held = {who: each for who, each in self._held.items() if now - each[1] < full}
        if len(self._held) >= _MOST_KEPT:
            self._held.clear()


class Guard:
    """The outermost layer: refuses long bodies, and adds what browsers should be told."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, add_headers)
        else:
            await problem_response(Request(scope), refusal)(scope, receive, add_headers)

    def _refusal(self, headers: Headers) -> ProblemError | None:
        """Say why a body is not taken: no question needs one, so nobody would read it."""
        close = {"Connection": "close"}
        if "transfer-encoding" in headers:
            detail = "a body must say its length"
            return ProblemError(HTTPStatus.LENGTH_REQUIRED, detail, headers=close)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body_bytes:
            detail = f"a body of {length[:20]} bytes is over {self._max_body_bytes}"
            return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, headers=close)
        return None
