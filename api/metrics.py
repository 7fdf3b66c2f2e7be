"""Figures of the API itself, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.freshness import Meta

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "tonnage_http_requests",
            "Requests answered",
            ["route", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "tonnage_http_request_seconds",
            "Time from a request to the start of its answer",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._up = Gauge("tonnage_read_store_up", "1 if the read store answers", registry=registry)
        self._lag = Gauge(
            "tonnage_freshness_lag_seconds",
            "Age of the source's state that answers include; NaN while unknown",
            registry=registry,
        )
        self._stale = Gauge("tonnage_stale", "1 while answers are stale", registry=registry)
        self._live = Gauge(
            "tonnage_live_clients", "Clients that are sent events", registry=registry
        )
        self._quarantined = Gauge(
            "tonnage_quarantined_rows",
            "Rows left out of the figures: the list's length",
            registry=registry,
        )
        self._drift = Gauge(
            "tonnage_drift_rows",
            "Rows that the last recomputation from the primary found to differ",
            registry=registry,
        )

    def page(self, meta: Meta | None, live: int) -> Response:
        """Return the page to scrape; `meta` is None while the read store does not answer.

        `live` is the number of clients that are sent events.
        """
        self._live.set(live)
        self._up.set(meta is not None)
        self._stale.set(meta is None or meta.stale)
        lag = meta.lag_seconds if meta is not None else None
        self._lag.set(float("nan") if lag is None else lag)
        if meta is not None:
            self._quarantined.set(meta.quarantined)
            self._drift.set(meta.drift)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Middleware that counts and times the requests of each route."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Mapping[object, str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int = 500
        seconds: float | None = None

        async def watch(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - began
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        finally:
            # The router has left the endpoint in the scope, if there is one.
            path = self._paths.get(scope.get("endpoint"), "unmatched")
            method = scope["method"] if path != "unmatched" else "any"
            self._metrics.requests.labels(path, method, status).inc()
            if seconds is not None:
                self._metrics.seconds.labels(path).observe(seconds)
