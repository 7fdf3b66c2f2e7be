"""`live`: a user's changed weeks as server-sent events (WHATWG HTML, "Server-sent events").

An event's id is `EPOCH.VERSION`: the serving epoch, and the version of the user's last change
that the client then has. A client that comes back with it gets every week that has changed
since, at least once. Events:

- `ready`: all is sent up to here. Its data are the answer's `meta`.
- `week`: a week's WeeklyStats as they are now.
- `gone`: a week that has no workout any more; its data are `{"user_id","week"}`.
- `reset`: the figures have been built anew since; all that is shown must be asked for again.

A line that begins with a colon says only that the stream is alive.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec
import psycopg
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.feed import Change, Feed, Subscriber, epoch_of
from api.freshness import Meta
from api.models import WeekStats
from api.queries import CHANGES_SINCE, Found
from api.rows import ChangedWeek
from api.store import Store
from stream.domain.weeks import Week

MEDIA_TYPE = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
HEARTBEAT = b":\n\n"

log = logging.getLogger(__name__)

_START = {
    "type": "http.response.start",
    "status": HTTPStatus.OK,
    "headers": [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),  # nginx passes events on as they come
    ],
}
_ID = re.compile(r"([0-9]{1,9})\.([0-9]{1,18})")
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass
class Stream:
    """One client's events: what it missed first, then what changes.

    Attributes:
        meta: judges how fresh what was found is.
        running_week: tells which week is running, now.
        heartbeat: the longest silence, in seconds.
        ends: when its token ends, by the loop's clock.
    """

    user: int
    store: Store
    subscriber: Subscriber
    meta: Callable[[Found[ChangedWeek]], Meta]
    running_week: Callable[[], Week]
    heartbeat: float
    ends: float
    _position: tuple[int, int] | None = field(default=None, init=False)

    async def begin(self, last_event_id: str | None) -> bytes:
        """Return the first events, for a client that has all up to an id (None: nothing)."""
        if last_event_id is not None:
            match = _ID.fullmatch(last_event_id)
            self._position = (int(match[1]), int(match[2])) if match else (-1, 0)
        return await self._catch_up()

    async def events(self) -> AsyncIterator[bytes]:
        """Go through the events that follow, until the token ends."""
        loop = asyncio.get_running_loop()
        while (left := self.ends - loop.time()) > 0:
            changes, missed = await self.subscriber.take(min(self.heartbeat, left))
            if missed or any(self._another_epoch(change) for change in changes):
                yield await self._catch_up()
            else:
                yield self._written(change.row for change in changes) or HEARTBEAT

    def _another_epoch(self, change: Change) -> bool:
        return self._position is not None and change.epoch != self._position[0]

    async def _catch_up(self) -> bytes:
        """Read what has changed since the client's position from the read store."""
        since = None if self._position is None else self._position[1]
        found = await self.store.fetch(CHANGES_SINCE, {"user": self.user, "since": since})
        epoch, latest = epoch_of(found.freshness), int(found.version or 0)
        anew = self._position is not None and self._position[0] != epoch
        self._position = (epoch, latest if anew or since is None else since)
        first = b"" if anew else self._written(found.rows)
        self._position = (epoch, max(latest, self._position[1]))
        meta = self.meta(found)
        return first + self._event("reset" if anew else "ready", _encode({"meta": meta}))

    def _written(self, rows: Iterable[ChangedWeek]) -> bytes:
        """Write changes that the client may lack; several weeks may share one version."""
        events = []
        for row in rows:
            assert self._position is not None  # noqa: S101 - `begin` comes first
            epoch, version = self._position
            if row.version >= version:
                self._position = (epoch, row.version)
                events.append(self._event(*self._said(row)))
        return b"".join(events)

    def _said(self, row: ChangedWeek) -> tuple[str, bytes]:
        week = row.iso_week
        if row.deleted:
            return "gone", _encode({"user_id": row.user_id, "week": str(week)})
        figures = msgspec.structs.asdict(row) | {"week": str(week)}
        shown = {name: figures[name] for name in WeekStats.__struct_fields__ if name in figures}
        return "week", _encode(WeekStats(**shown, partial=week == self.running_week()))

    def _event(self, name: str, data: bytes) -> bytes:
        assert self._position is not None  # noqa: S101 - it is set before anything is written
        return b"id: %d.%d\nevent: %b\ndata: %b\n\n" % (*self._position, name.encode(), data)


class EventsResponse(Response):
    """Sends a stream for as long as its client takes it.

    `opened` makes the stream of a subscriber; a client that takes no data for `patience`
    seconds is dropped, and catches up when it comes back.
    """

    def __init__(
        self, feed: Feed, user: int, opened: Callable[[Subscriber], Stream], patience: float
    ) -> None:
        super().__init__()
        self._feed = feed
        self._user = user
        self._opened = opened
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client goes, stops taking them, or its token ends."""
        last_event_id = Headers(scope=scope).get(LAST_EVENT_ID)
        with self._feed.subscribed(self._user) as subscriber:
            stream = self._opened(subscriber)
            first = await stream.begin(last_event_id)
            await send(_START)
            tasks = {
                asyncio.create_task(self._send(stream, first, send)),
                asyncio.create_task(_gone(receive)),
            }
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _send(self, stream: Stream, first: bytes, send: Send) -> None:
        try:
            await self._chunk(first, send)
            async for events in stream.events():
                await self._chunk(events, send)
        except psycopg.OperationalError as error:
            log.warning("live: a client must come back, the read store is away: %s", error)
        except TimeoutError:
            log.info("live: a client that takes no data is dropped")
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunk(self, events: bytes, send: Send) -> None:
        async with asyncio.timeout(self._patience):
            await send({"type": "http.response.body", "body": events, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
