"""The running pipeline as a test sees it: its answers over HTTP, its read store, its verdict."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import psycopg
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from api.client import Analytics
from api.client_errors import NotFoundError
from api.freshness import Meta
from api.models import WeekStats
from infra import caught_up
from infra.home import Home
from infra.services.part import TONNAGE
from infra.supervision import Supervisor
from infra.verify import verify
from stream.settings import Settings

PATIENCE = 90.0
"""Seconds until a condition must hold, on a machine with other work."""


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds, or fail and say what did not come."""
    look = Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.05),
        retry=retry_if_result(lambda met: not met),
    )
    try:
        look(condition)
    except RetryError:
        raise AssertionError(f"not in {seconds:g} s: {what}") from None


@dataclass
class Pipeline:
    """The local stack's outputs."""

    settings: Settings
    http: httpx.Client = field(repr=False)

    @property
    def supervisor(self) -> Supervisor:
        """Who runs the parts."""
        return Supervisor(Home.at(self.settings.home))

    @property
    def schema(self) -> str:
        """The schema of the tables that serve."""
        [(number,)] = self.rows("SELECT generation FROM tonnage.freshness")
        return f"tonnage_g{number}"

    def settle(self) -> str:
        """Wait until everything that the primary has committed is served."""
        return caught_up.wait(self.settings)

    def about(self, user: int) -> Analytics:
        """Ask the API about a user, as an administrator."""
        return Analytics(self.http, user)

    def meta(self, user: int) -> Meta:
        """Return how far answers about a user can be trusted."""
        return self.about(user).streak().meta

    def week(self, user: int, week: str) -> WeekStats | None:
        """Return a week's WeeklyStats; None where there is none."""
        try:
            return self.about(user).week(week).data
        except NotFoundError:
            return None

    def volume(self, user: int, week: str) -> Decimal | None:
        """Return a week's total volume; None where there is no such week."""
        found = self.week(user, week)
        return None if found is None else found.total_volume

    def records(self, user: int, exercise: int) -> dict[str, Decimal]:
        """Return the records of a user's exercise by kind."""
        found = self.about(user).records(exercise).data.records
        return {record.kind: record.value for record in found}

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the read store itself, or write to it."""
        dsn = self.settings.need("read_store_dsn")
        with psycopg.connect(dsn, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def differences(self) -> list[str]:
        """Recompute everything from the primary and return what is not so served."""
        return [str(each) for each in verify(self.settings, None, Counter())]

    def command(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `tonnage`."""
        home = {"TONNAGE_HOME": str(self.settings.home)}
        return subprocess.run(
            [TONNAGE, *arguments],
            env={**os.environ, **home, **settings},
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
        )
