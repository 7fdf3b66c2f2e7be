"""Changed weeks, as they change: one listener on the read store feeds every client of `live`.

1. A client is subscribed before it reads what it missed, so that nothing falls between.
2. A client holds the newest change of each week alone, so its memory is bounded by its weeks.
3. Whatever the listener may have missed, it says so, and each client reads from the read store.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import psycopg

from api.freshness import Freshness
from api.queries import CHANGED_WEEKS
from api.rows import ChangedWeek
from api.store import Store
from stream.domain.weeks import Week
from stream.notices import CHANNEL, decode_notice

log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Change:
    """A week as it has become, within the serving epoch."""

    epoch: int
    row: ChangedWeek


class Subscriber:
    """What one client is still to be sent."""

    def __init__(self) -> None:
        self._changes: dict[Week, Change] = {}
        self._missed = False
        self._wake = asyncio.Event()

    def put(self, change: Change) -> None:
        """Add a change; it takes the place of an older one of its week."""
        week = change.row.iso_week
        self._changes.pop(week, None)
        self._changes[week] = change
        self._wake.set()

    def miss(self) -> None:
        """Say that changes may have passed unseen."""
        self._missed = True
        self._wake.set()

    async def take(self, seconds: float) -> tuple[list[Change], bool]:
        """Wait so long for changes; return them, oldest first, and whether some were missed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()
        changes, self._changes = list(self._changes.values()), {}
        missed, self._missed = self._missed, False
        return changes, missed


class Feed:
    """Passes the read store's notices on to the subscribers of their users."""

    def __init__(self, dsn: str, store: Store) -> None:
        self._dsn = dsn
        self._store = store
        self._of_user: dict[int, set[Subscriber]] = defaultdict(set)
        self.clients = 0

    @contextmanager
    def subscribed(self, user: int) -> Iterator[Subscriber]:
        """Subscribe to a user's weeks for as long as this lasts."""
        subscriber = Subscriber()
        self._of_user[user].add(subscriber)
        self.clients += 1
        try:
            yield subscriber
        finally:
            self.clients -= 1
            self._of_user[user].discard(subscriber)
            if not self._of_user[user]:
                del self._of_user[user]

    async def run(self) -> None:
        """Listen until cancelled; a read store that is away is connected to again."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, msgspec.DecodeError) as error:
                log.warning("live: the read store can't be listened to: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=5,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            application_name="tonnage-api-live",
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            self._miss()
            async for notify in connection.notifies():
                notice = decode_notice(notify.payload)
                if notice.weeks:
                    await self._pass_on(notice.weeks)
                else:
                    self._miss()

    async def _pass_on(self, weeks: Iterable[tuple[int, str]]) -> None:
        asked = [(user, *Week.parse(week)) for user, week in weeks if user in self._of_user]
        if not asked:
            return
        users, years, numbers = (list(each) for each in zip(*asked, strict=True))
        found = await self._store.fetch(
            CHANGED_WEEKS, {"users": users, "years": years, "weeks": numbers}
        )
        for row in found.rows:
            for subscriber in self._of_user.get(row.user_id, ()):
                subscriber.put(Change(epoch_of(found.freshness), row))

    def _miss(self) -> None:
        for subscribers in self._of_user.values():
            for subscriber in subscribers:
                subscriber.miss()


def epoch_of(freshness: Freshness | None) -> int:
    """Return the serving epoch; 0 before the first."""
    return 0 if freshness is None else freshness.epoch
