"""One request from its token to its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.freshness import Meta, judge
from api.parameters import MIN_LSN, Ask, parse_id
from api.problems import ProblemError
from api.routes import Route
from api.security import Caller, Verifier
from api.store import Store
from stream.settings import Settings

Endpoint = Callable[[Request], Awaitable[Response]]
Clock = Callable[[], datetime]

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

    async def answer(self, route: Route, request: Request) -> Response:
        """Answer a question about a user."""
        caller = await self.verifier.caller(request.headers.get("authorization"))
        user = _user(caller, request.path_params.get("user_id", "me"))
        ask = Ask(user, self.clock(), self.settings.zone, _query(request), request.path_params)
        plan = route.plan(ask)
        min_lsn = ask[MIN_LSN]
        if min_lsn is not None:
            await self.store.wait_until_includes(min_lsn, self.settings.min_lsn_wait_seconds)
        found = await self.store.fetch(plan.query, {"user": user, **plan.arguments})
        meta = judge(
            found.freshness,
            found.quarantined,
            now=self.clock(),
            stale_after_seconds=self.settings.stale_after_seconds,
            min_lsn=min_lsn,
        )
        return respond(request, plan.build(found.rows), meta)


def respond(request: Request, data: msgspec.Struct, meta: Meta) -> Response:
    """Write an answer down, or that it is the one which the client has already."""
    body = encode(data)
    etag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private", "Vary": "Authorization", **meta.headers()}
    if _matches(request.headers.get("if-none-match"), etag):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    whole = b'%b,"meta":%b}' % (body[:-1], encode(meta))
    return Response(whole, HTTPStatus.OK, headers, "application/json")


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


def _matches(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
