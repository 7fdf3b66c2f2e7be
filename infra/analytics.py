"""The read API as its clients see it: figures of one user over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    """Asks the API as one user, whose token it bears."""

    client: httpx.Client

    def weeks(self, start: date, end: date) -> list[Week]:
        """Return every week from `start`'s to `end`'s, those without workouts too."""
        found = self._get("weekly-volume", start=start, end=end, fill="zero")["weekly_volumes"]
        return [
            Week(
                each["week"],
                each["totalVolume"],
                int(each["workoutCount"]),
                each["avgVolumePerWorkout"],
            )
            for each in found
        ]

    def muscle_groups(self, start: date, end: date) -> dict[str, Share]:
        """Return each trained group's share of the weeks from `start`'s to `end`'s."""
        found = self._get("muscle-groups", start=start, end=end)["muscle_groups"]
        return {group: Share(each["volume"], each["percentage"]) for group, each in found.items()}

    def _get(self, question: str, **asked: object) -> dict[str, Any]:
        try:
            response = self.client.get(
                f"/v1/users/me/{question}", params={key: str(each) for key, each in asked.items()}
            )
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            problem = error.response.text.strip()
            raise TonnageError(f"the API refused {error.request.url}: {problem}") from error
        except httpx.HTTPError as error:
            raise TonnageError(f"the API at {self.client.base_url} fails: {error}") from error
        answer: dict[str, Any] = json.loads(response.text, parse_float=Decimal, parse_int=Decimal)
        return answer


@contextmanager
def analytics(url: str, token: str) -> Iterator[Analytics]:
    """Ask the API at an address with a user's token."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        yield Analytics(client)
