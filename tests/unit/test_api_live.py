"""A client of `live` that takes no data, or goes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from starlette.types import Message

from api.feed import Feed, Subscriber
from api.freshness import Freshness, judge
from api.live import EventsResponse, Stream
from api.queries import Found
from api.rows import ChangedWeek
from stream.domain.weeks import Week
from tests.integration.conftest import NOW

SCOPE = {"type": "http", "headers": []}


class Quiet:
    """A read store without a week."""

    async def fetch(self, query: object, arguments: object) -> Found[ChangedWeek]:
        del query, arguments
        return Found(Freshness(1, "0/1", NOW, None, 3), 0, [])


def response(feed: Feed) -> EventsResponse:
    def opened(subscriber: Subscriber) -> Stream:
        return Stream(
            7,
            cast("Any", Quiet()),
            subscriber,
            meta=lambda found: judge(found.freshness, 0, now=NOW, stale_after_seconds=5),
            running_week=lambda: Week(2026, 47),
            heartbeat=0.01,
            ends=asyncio.get_running_loop().time() + 60,
        )

    return EventsResponse(feed, 7, opened, patience=0.05)


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def test_a_client_that_takes_no_data_is_dropped() -> None:
    feed = Feed("", cast("Any", Quiet()))
    sent = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            await asyncio.Event().wait()

    async def scenario() -> None:
        async with asyncio.timeout(5):
            await response(feed)(SCOPE, never, send)

    asyncio.run(scenario())
    assert len(sent) == 4
    assert feed.clients == 0


def test_a_client_that_goes_is_forgotten() -> None:
    feed = Feed("", cast("Any", Quiet()))
    bodies = []
    gone, enough = asyncio.Event(), asyncio.Event()

    async def send(message: Message) -> None:
        bodies.append(message.get("body", b""))
        if len(bodies) == 5:
            enough.set()

    async def scenario() -> None:

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        served = asyncio.create_task(response(feed)(SCOPE, receive, send))
        async with asyncio.timeout(5):
            await enough.wait()
            assert feed.clients == 1
            gone.set()
            await served

    asyncio.run(scenario())
    assert bodies[1].startswith(b"id: 3.0\nevent: ready\n")
    assert set(bodies[2:5]) == {b":\n\n"}
    assert feed.clients == 0
