"""One request from its token to its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.answers.plan import Plan
from api.bodies import Bodies
from api.feed import Feed, Subscriber
from api.freshness import Meta, judge
from api.limits import RateLimit
from api.live import EventsResponse, Stream
from api.parameters import MIN_LSN, Ask, Limits, parse_id
from api.problems import ProblemError, unavailable
from api.queries import Found
from api.routes import Route
from api.security import Caller, Verifier
from api.store import Store
from stream.domain.weeks import Week
from stream.settings import Settings

Endpoint = Callable[[Request], Awaitable[Response]]
Clock = Callable[[], datetime]

_RELEASE = version("tonnage")
MIN_LSN_HEADER = "Tonnage-Min-Lsn"

encode = msgspec.json.Encoder(decimal_format="number").encode


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    """What every request is answered with."""

    settings: Settings
    store: Store
    verifier: Verifier
    clock: Clock
    feed: Feed
    rate_limit: RateLimit
    bodies: Bodies = field(default_factory=Bodies)

    async def answer(self, route: Route, request: Request) -> Response:
        """Answer a question about a user."""
        caller = await self._caller(request)
        user = _user(caller, request.path_params.get("user_id", "me"))
        limits = Limits(self.settings.max_range_weeks, self.settings.max_page)
        ask = Ask(
            user, self.clock(), self.settings.zone, _query(request), request.path_params, limits
        )
        plan = route.plan(ask)
        min_lsn = ask[MIN_LSN]
        if min_lsn is not None:
            await self.store.wait_until_includes(min_lsn, self.settings.min_lsn_wait_seconds)
        arguments = {"user": user, **plan.arguments}
        sent = request.headers.get("if-none-match")
        if sent is not None and plan.query.version is not None:
            known = await self.store.fetch(plan.query.version, {"user": user})
            etag = _etag(_named(route, ask, known))
            if _matches(sent, etag):
                return _not_modified(etag, self._meta(known, min_lsn))
        found = await self.store.fetch(plan.query, arguments)
        etag, body = await self._body(route, ask, plan, found)
        meta = self._meta(found, min_lsn)
        if sent is not None and (sent.strip() == "*" or _matches(sent, etag)):
            return _not_modified(etag, meta)
        whole = b'%b,"meta":%b}' % (body[:-1], encode(meta))
        return Response(whole, HTTPStatus.OK, _headers(etag, meta), "application/json")

    async def _body(
        self, route: Route, ask: Ask, plan: Plan[Any], found: Found[Any]
    ) -> tuple[str, bytes]:
        """Return an answer without its `meta`, and its tag; made once for the same data."""
        etag = None if plan.query.version is None else _etag(_named(route, ask, found))
        held = None if etag is None else self.bodies.get((etag, found.text))
        if etag is not None and held is not None:
            return etag, held
        data = (
            await asyncio.to_thread(plan.build, found.rows)
            if plan.heavy
            else plan.build(found.rows)
        )
        body = encode(data)
        if etag is None:
            return _etag(body), body
        self.bodies.put((etag, found.text), body)
        return etag, body

    async def live(self, request: Request) -> Response:
        """Send a user's changed weeks, as they change."""
        caller = await self._caller(request)
        user = _user(caller, request.path_params["user_id"])
        settings = self.settings
        if self.feed.clients >= settings.live_max_clients:
            raise unavailable(f"{settings.live_max_clients} clients are live already")
        ends = asyncio.get_running_loop().time() + caller.until - time.time()

        def opened(subscriber: Subscriber) -> Stream:
            return Stream(
                user,
                self.store,
                subscriber,
                meta=lambda found: self._meta(found, None),
                running_week=lambda: Week.of(self.clock(), settings.zone),
                heartbeat=settings.live_heartbeat_seconds,
                ends=ends,
            )

        return EventsResponse(self.feed, user, opened, settings.live_send_seconds)

    async def _caller(self, request: Request) -> Caller:
        """Return who asks, unless they ask too often; an administrator may."""
        try:
            caller = await self.verifier.caller(request.headers.get("authorization"))
        except ProblemError:
            self.rate_limit.take(request.client.host if request.client else None)
            raise
        if not caller.admin:
            self.rate_limit.take(caller.user)
        return caller

    def _meta(self, found: Found[Any], min_lsn: int | None) -> Meta:
        return judge(
            found.freshness,
            found.quarantined,
            now=self.clock(),
            stale_after_seconds=self.settings.stale_after_seconds,
            min_lsn=min_lsn,
        )


def _named(route: Route, ask: Ask, found: Found[Any]) -> bytes:
    """Return all that an answer depends on: what was asked, when, and the data's version."""
    query = sorted((name, text) for name, text in ask.query.items() if name != MIN_LSN.name)
    generation = found.freshness.generation if found.freshness is not None else None
    asked = (ask.user, str(ask.zone), ask.today, route.path, ask.path, query)
    return encode((_RELEASE, asked, generation, found.version))


def _etag(what: bytes) -> str:
    return f'W/"{blake2b(what, digest_size=12).hexdigest()}"'


def _headers(etag: str, meta: Meta) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private", "Vary": "Authorization", **meta.headers()}


def _not_modified(etag: str, meta: Meta) -> Response:
    return Response(None, HTTPStatus.NOT_MODIFIED, _headers(etag, meta))


def endpoint(service: Callable[[], Service], route: Route) -> Endpoint:
    """Make the endpoint of a route."""

    async def answer(request: Request) -> Response:
        return await service().answer(route, request)

    return answer


def _query(request: Request) -> dict[str, str]:
    query = dict(request.query_params)
    header = request.headers.get(MIN_LSN_HEADER)
    if header is not None:
        query.setdefault(MIN_LSN.name, header)
    return query


def _user(caller: Caller, text: str) -> int:
    """Return whose figures are asked for, if the caller may see them."""
    user = caller.user if text == "me" else parse_id(text)
    if user is None or not caller.may_see(user):
        raise ProblemError(HTTPStatus.NOT_FOUND, "there is no such user for this token")
    return user


def _matches(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag.removeprefix("W/") in tags
