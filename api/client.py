"""The read API from Python: typed answers, typed errors, and changes as they come.

    with Analytics.at("http://127.0.0.1:8080", token) as ask:
        answer = ask.weekly_volume(start="2026-W01", min_lsn="0/16B6C50")
        for week in answer.data.weekly_volumes:
            print(week.week, week.totalVolume)
        for event in ask.live():
            ...

Figures are exact decimals. Every question takes `min_lsn` (wait a while until the answer
includes that position of the source's log) and `known`, an answer to the same question: where
nothing has changed since, its data are given again and nothing is sent (HTTP 304).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypedDict, TypeVar, Unpack

import httpx
import msgspec

from api import models
from api.client_errors import UnreachableError, refused
from api.client_events import Event, follow
from api.freshness import AsOf, Meta

Bound = str | date | None
"""An ISO week (`2026-W01`), a date or a moment in it; None: the API's default."""

Data = TypeVar("Data", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Data]):
    """What the API answered.

    Attributes:
        meta: how far it can be trusted; of an answer that is `unchanged`, without its `reason`.
        etag: names the data.
        unchanged: the data are those of the answer that was `known`.
    """

    data: Data
    meta: Meta
    etag: str
    unchanged: bool = False


class How(TypedDict, total=False):
    """What every question takes."""

    min_lsn: str | int | None
    known: Answer[Any] | None


class _InPages(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


Listed = TypeVar("Listed", bound=_InPages)


class _Outer(msgspec.Struct, frozen=True):
    meta: Meta


@dataclass(frozen=True, slots=True)
class Analytics:
    """Asks the API about one user.

    Every question raises a RefusedError, as UnauthorizedError or NotFoundError, for what the API
    refuses, and UnreachableError where it does not answer (`api.client_errors`).

    Attributes:
        http: bears the token, and knows the address.
        user: whom it asks about: an id, or `me` for the token's own user.
    """

    http: httpx.Client
    user: int | str = "me"

    @classmethod
    def at(cls, url: str, token: str, user: int | str = "me") -> Self:
        """Ask at an address about a token's user, or (an administrator) about another."""
        headers = {"Authorization": f"Bearer {token}"}
        return cls(httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False), user)

    def about(self, user: int | str) -> Self:
        """Ask about another user, over the same connections."""
        return replace(self, user=user)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def weekly_volume(
        self,
        start: Bound = None,
        end: Bound = None,
        *,
        fill: str | None = None,
        **how: Unpack[How],
    ) -> Answer[models.WeeklyVolumes]:
        """Ask for volume and workouts by week; `fill="zero"` gives the empty weeks too."""
        asked = {"start": start, "end": end, "fill": fill}
        return self.ask(models.WeeklyVolumes, "weekly-volume", asked, **how)

    def weekly_frequency(
        self,
        start: Bound = None,
        end: Bound = None,
        *,
        fill: str | None = None,
        **how: Unpack[How],
    ) -> Answer[models.WeeklyFrequency]:
        """Ask for workouts by week."""
        asked = {"start": start, "end": end, "fill": fill}
        return self.ask(models.WeeklyFrequency, "weekly-frequency", asked, **how)

    def muscle_groups(
        self, start: Bound = None, end: Bound = None, **how: Unpack[How]
    ) -> Answer[models.MuscleGroups]:
        """Ask for volume by muscle group over a range of weeks."""
        return self.ask(models.MuscleGroups, "muscle-groups", {"start": start, "end": end}, **how)

    def muscle_groups_summary(self, **how: Unpack[How]) -> Answer[models.MuscleGroupsSummary]:
        """Ask for volume by muscle group of this week and the last."""
        return self.ask(models.MuscleGroupsSummary, "muscle-groups/summary", {}, **how)

    def muscle_groups_weekly(
        self,
        start: Bound = None,
        end: Bound = None,
        *,
        fill: str | None = None,
        **how: Unpack[How],
    ) -> Answer[models.WeeklyGroups]:
        """Ask for volume, sessions and sets by muscle group and week."""
        asked = {"start": start, "end": end, "fill": fill}
        return self.ask(models.WeeklyGroups, "muscle-groups/weekly", asked, **how)

    def muscle_groups_comparison(self, **how: Unpack[How]) -> Answer[models.GroupComparison]:
        """Ask for this week's muscle groups against the last week's."""
        return self.ask(models.GroupComparison, "muscle-groups/comparison", {}, **how)

    def muscle_groups_balance(
        self,
        weeks: int | None = None,
        recent: int | None = None,
        threshold: Decimal | float | None = None,
        **how: Unpack[How],
    ) -> Answer[models.GroupBalance]:
        """Ask for each group's share of the recent weeks against its share of all of them."""
        asked = {"weeks": weeks, "recent": recent, "threshold": threshold}
        return self.ask(models.GroupBalance, "muscle-groups/balance", asked, **how)

    def muscle_groups_recency(self, **how: Unpack[How]) -> Answer[models.Recency]:
        """Ask for the days since each muscle group was last trained."""
        return self.ask(models.Recency, "muscle-groups/recency", {}, **how)

    def top_workouts(
        self,
        start: Bound = None,
        end: Bound = None,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        **how: Unpack[How],
    ) -> Answer[models.TopWorkouts]:
        """Ask for the workouts of most volume: of all time, or of some weeks."""
        asked = {"start": start, "end": end, "limit": limit, "cursor": cursor}
        return self.ask(models.TopWorkouts, "top-workouts", asked, **how)

    def year_over_year(
        self, year: int | None = None, **how: Unpack[How]
    ) -> Answer[models.YearOverYear]:
        """Ask for an ISO year against the year before."""
        return self.ask(models.YearOverYear, "year-over-year", {"year": year}, **how)

    def calendar(
        self, year: int | None = None, *, fill: str | None = None, **how: Unpack[How]
    ) -> Answer[models.Calendar]:
        """Ask for the volume of each day of a calendar year."""
        return self.ask(models.Calendar, "calendar", {"year": year, "fill": fill}, **how)

    def records(
        self,
        exercise: int | None = None,
        *,
        at: Bound = None,
        limit: int | None = None,
        cursor: str | None = None,
        **how: Unpack[How],
    ) -> Answer[models.Records]:
        """Ask for personal records, of all exercises or of one; `at` the end of a day."""
        question = "records" if exercise is None else f"records/{exercise}"
        asked = {"at": at, "limit": limit, "cursor": cursor}
        return self.ask(models.Records, question, asked, **how)

    def exercises(
        self, *, limit: int | None = None, cursor: str | None = None, **how: Unpack[How]
    ) -> Answer[models.Exercises]:
        """Ask for the exercises in the user's workouts."""
        return self.ask(models.Exercises, "exercises", {"limit": limit, "cursor": cursor}, **how)

    def progress(
        self,
        exercise: int,
        start: Bound = None,
        end: Bound = None,
        *,
        fill: str | None = None,
        **how: Unpack[How],
    ) -> Answer[models.Progress]:
        """Ask for an exercise's volume, sets, best set and estimated one-rep max by week."""
        asked = {"start": start, "end": end, "fill": fill}
        return self.ask(models.Progress, f"exercises/{exercise}/progress", asked, **how)

    def streak(self, **how: Unpack[How]) -> Answer[models.Streak]:
        """Ask for the current and the longest streak of weeks."""
        return self.ask(models.Streak, "streak", {}, **how)

    def week(self, week: str, **how: Unpack[How]) -> Answer[models.WeekStats]:
        """Ask for the WeeklyStats of a week (`2026-W47`)."""
        return self.ask(models.WeekStats, f"weeks/{week}", {}, **how)

    def explain(self, week: str, **how: Unpack[How]) -> Answer[models.WeekExplained]:
        """Ask for every set that counts in a week, and every row that is left out."""
        return self.ask(models.WeekExplained, f"weeks/{week}/explain", {}, **how)

    def live(self, last_event_id: str | None = None) -> Generator[Event, None, None]:
        """Go through the user's changed weeks, as they change, without an end.

        A connection that is lost is made again with the last event's id, so that nothing is
        missed. Raises UnauthorizedError once the token has ended.
        """
        return follow(self.http, self._path("live"), last_event_id)

    def ask(
        self, shape: type[Data], question: str, asked: Mapping[str, object], **how: Unpack[How]
    ) -> Answer[Data]:
        """Ask any question about the user; a parameter that is None is not sent."""
        known = how.get("known")
        given = {**asked, "min_lsn": how.get("min_lsn")}
        try:
            response = self.http.get(
                self._path(question),
                params={name: str(each) for name, each in given.items() if each is not None},
                headers={} if known is None else {"If-None-Match": known.etag},
            )
        except httpx.HTTPError as error:
            raise UnreachableError(f"the API at {self.http.base_url} fails: {error}") from error
        if known is not None and response.status_code == httpx.codes.NOT_MODIFIED:
            return replace(known, meta=_meta_of(response.headers), unchanged=True)
        if response.status_code != httpx.codes.OK:
            raise refused(response)
        body = response.content
        data = msgspec.json.decode(body, type=shape)
        meta = msgspec.json.decode(body, type=_Outer).meta
        return Answer(data, meta, response.headers["ETag"])

    def _path(self, question: str) -> str:
        return f"/v1/users/{self.user}/{question}"


def pages(
    question: Callable[..., Answer[Any]], *what: object, **asked: object
) -> Iterator[Answer[Any]]:
    """Go through the pages of a list: `pages(ask.records, limit=100)`."""
    cursor = None
    while True:
        answer = question(*what, cursor=cursor, **asked)
        yield answer
        cursor = answer.data.next_cursor
        if cursor is None:
            return


def _meta_of(headers: httpx.Headers) -> Meta:
    """Read what a 304, which has no body, says of freshness."""
    time, lag = headers.get("Tonnage-As-Of"), headers.get("Tonnage-Lag-Seconds")
    generation = headers.get("Tonnage-Generation")
    return Meta(
        AsOf(None if time is None else datetime.fromisoformat(time), headers.get("Tonnage-Lsn")),
        None if lag is None else float(lag),
        stale=headers["Tonnage-Stale"] == "true",
        quarantined=int(headers["Tonnage-Quarantined"]),
        generation=None if generation is None else int(generation),
    )
