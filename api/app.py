"""The application: routes, errors, measurements, and what lives as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from psycopg import Error as DatabaseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.types import ASGIApp

from api import asyncapi, openapi
from api.endpoint import MIN_LSN_HEADER, Clock, Endpoint, Service, endpoint, utc_now
from api.feed import Feed
from api.freshness import Meta, judge
from api.jwks import Keys
from api.limits import Guard, RateLimit
from api.live import LAST_EVENT_ID
from api.metrics import Measured, Metrics
from api.page import PAGE, assets, page
from api.problems import HANDLERS, unavailable
from api.queries import HEALTH
from api.requests import HEADER as REQUEST_ID
from api.requests import Identified
from api.routes import LIVE, OF_CALLER, ROUTES
from api.security import Verifier
from api.store import open_store
from stream.settings import Settings

_METRICS_SECONDS = 0.5
"""How long a scrape waits for the read store: the scraper, too, has its patience."""

_EXPOSED = (
    "ETag",
    "Retry-After",
    "Tonnage-As-Of",
    "Tonnage-Lsn",
    "Tonnage-Lag-Seconds",
    "Tonnage-Stale",
    REQUEST_ID,
)


class Application:
    """The API over one read store. `asgi` is what a server runs."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._dsn = _read_store(settings)
        keys = Keys(settings.jwt_jwks_url) if settings.jwt_jwks_url is not None else None
        self._verifier = Verifier(settings, keys)
        self._metrics = Metrics()
        self._service: Service | None = None
        endpoints, files = self._endpoints(), assets()
        paths: dict[object, str] = {each: path for path, each in endpoints.items()}
        routed = Starlette(
            routes=[
                *(Path(path, each, methods=["GET"]) for path, each in endpoints.items()),
                files,
            ],
            exception_handlers=HANDLERS,
            middleware=self._middleware(paths | {files.app: files.path}),
            lifespan=self._lifespan,
        )
        routed.router.redirect_slashes = False
        guarded = Guard(routed, settings.max_body_bytes)
        self.asgi: ASGIApp = Identified(guarded, told=settings.log == "json")

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        async with open_store(self._dsn) as store:
            feed = Feed(self._dsn, store)
            limit = RateLimit(self._settings.rate_limit)
            self._service = Service(self._settings, store, self._verifier, self._clock, feed, limit)
            listening = asyncio.create_task(feed.run())
            try:
                yield
            finally:
                listening.cancel()

    def _endpoints(self) -> dict[str, Endpoint]:
        endpoints = {route.path: endpoint(self.service, route) for route in ROUTES}
        unslashed = {
            path.rstrip("/"): each for path, each in endpoints.items() if path.startswith(OF_CALLER)
        }
        operations: dict[str, Endpoint] = {
            PAGE: page,
            LIVE: self._live,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics_page,
            "/openapi.json": _document(openapi.document(ROUTES)),
            "/asyncapi.json": _document(asyncapi.document()),
        }
        return endpoints | unslashed | operations

    def _middleware(self, paths: Mapping[object, str]) -> list[Middleware]:
        measured = Middleware(Measured, metrics=self._metrics, paths=paths)
        if not self._settings.cors_origins:
            return [measured]
        cors = Middleware(
            CORSMiddleware,
            allow_origins=self._settings.cors_origins,
            allow_methods=["GET"],
            allow_headers=["Authorization", "If-None-Match", MIN_LSN_HEADER, LAST_EVENT_ID],
            expose_headers=_EXPOSED,
        )
        return [measured, cors]

    def service(self) -> Service:
        """Return what answers, once the application has started."""
        assert self._service is not None  # noqa: S101 - a server starts the lifespan first
        return self._service

    async def _live(self, request: Request) -> Response:
        return await self.service().live(request)

    async def _meta(self) -> Meta:
        found = await self.service().store.fetch(HEALTH, {})
        return judge(
            found.freshness,
            found.quarantined,
            now=self._clock(),
            stale_after_seconds=self._settings.stale_after_seconds,
        )

    async def _healthz(self, request: Request) -> Response:
        del request
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def _readyz(self, request: Request) -> Response:
        del request
        meta = await self._meta()
        if meta.stale:
            raise unavailable(f"answers would be stale: {meta.reason}")
        return Response(
            msgspec.json.encode({"status": "ready", "meta": meta}), media_type="application/json"
        )

    async def _metrics_page(self, request: Request) -> Response:
        del request
        live = self.service().feed.clients
        try:
            async with asyncio.timeout(_METRICS_SECONDS):
                return self._metrics.page(await self._meta(), live)
        except (DatabaseError, TimeoutError):
            return self._metrics.page(None, live)


def _document(content: dict[str, Any]) -> Endpoint:
    encoded = msgspec.json.encode(content)

    async def answer(request: Request) -> Response:
        del request
        return Response(encoded, media_type="application/json")

    return answer


def _read_store(settings: Settings) -> str:
    own = settings.api_read_store_dsn
    return own.get_secret_value() if own is not None else settings.need("read_store_dsn")
