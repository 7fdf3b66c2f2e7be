"""The read API as its clients see it: figures of one user over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from infra.charts import Share, Week
from infra.errors import TonnageError


@dataclass(frozen=True, slots=True)
class Analytics:
    """Asks the API about one user; `me` is the one whose token it bears."""

    client: httpx.Client
    user: str = "me"

    def weeks(self, start: date, end: date) -> list[Week]:
        """Return every week from `start`'s to `end`'s, those without workouts too."""
        return weeks_of(self.answer("weekly-volume", start=start, end=end, fill="zero"))

    def muscle_groups(self, start: date, end: date) -> dict[str, Share]:
        """Return each trained group's share of the weeks from `start`'s to `end`'s."""
        return shares_of(self.answer("muscle-groups", start=start, end=end))

    def answer(self, question: str, **asked: object) -> dict[str, Any]:
        """Return an answer, its numbers exact. A parameter that is None is not sent."""
        given = {key: str(each) for key, each in asked.items() if each is not None}
        try:
            response = self.client.get(f"/v1/users/{self.user}/{question}", params=given)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            problem = error.response.text.strip()
            raise TonnageError(f"the API refused {error.request.url}: {problem}") from error
        except httpx.HTTPError as error:
            raise TonnageError(f"the API at {self.client.base_url} fails: {error}") from error
        found: dict[str, Any] = json.loads(response.text, parse_float=Decimal, parse_int=Decimal)
        return found

    def all_pages(self, question: str, entries: str, **asked: object) -> dict[str, Any]:
        """Return an answer whose list of `entries` has those of every page."""
        answer = page = self.answer(question, **asked)
        while page["next_cursor"] is not None:
            page = self.answer(question, **asked, cursor=page["next_cursor"])
            answer[entries] += page[entries]
        return answer | {"next_cursor": None}


def weeks_of(answer: Mapping[str, Any]) -> list[Week]:
    """Read an answer of `weekly-volume`."""
    return [
        Week(
            each["week"],
            each["totalVolume"],
            int(each["workoutCount"]),
            each["avgVolumePerWorkout"],
        )
        for each in answer["weekly_volumes"]
    ]


def shares_of(answer: Mapping[str, Any]) -> dict[str, Share]:
    """Read an answer of `muscle-groups`."""
    found = answer["muscle_groups"].items()
    return {group: Share(each["volume"], each["percentage"]) for group, each in found}


@contextmanager
def analytics(url: str, token: str, user: str = "me") -> Iterator[Analytics]:
    """Ask the API at an address about the token's user, or (an administrator) about another."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        yield Analytics(client, user)
