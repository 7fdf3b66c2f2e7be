"""How fresh an answer is: up to where of the source it is complete, and whether to trust it."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_LSN_LIMIT = 2**64


def parse_lsn(text: str) -> int:
    """Read a position in the write-ahead log: `0/16B6C50`, or its value as an integer.

    Raises ValueError for anything else.
    """
    if match := _LSN.fullmatch(text):
        return int(match[1], 16) << 32 | int(match[2], 16)
    if text.isascii() and text.isdigit() and int(text) < _LSN_LIMIT:
        return int(text)
    raise ValueError(f"{text!r} is not an LSN such as 0/16B6C50, nor an integer below 2^64")


class Freshness(msgspec.Struct, frozen=True):
    """A row of the view `tonnage.freshness`: the serving generation and its frontier.

    `epoch` is raised whenever another generation serves; `drift` is of the last recomputation.
    """

    generation: int
    lsn: str | None
    source_time: datetime | None
    incidents: str | None
    epoch: int = 0
    drift: int = 0

    def includes(self, lsn: int) -> bool:
        """Say whether every change of the source up to that position is in."""
        return self.lsn is not None and parse_lsn(self.lsn) >= lsn


class AsOf(msgspec.Struct, frozen=True):
    """The source's time and LSN up to which an answer is complete; null while unknown."""

    time: datetime | None
    lsn: str | None


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an answer can be trusted.

    `lag_seconds` is the age of `as_of`. `quarantined` counts the user's rows that are left out
    since they can't be counted. `reason` says why an answer is stale. `drift` counts the rows of
    all users that the last recomputation from the primary found to differ.
    """

    as_of: AsOf
    lag_seconds: float | None
    stale: bool
    quarantined: int
    generation: int | None
    reason: str | None = None
    drift: int = 0

    def headers(self) -> dict[str, str]:
        """Return the same as headers, for those who don't read the body (a 304 has none)."""
        headers = {
            "Tonnage-Stale": "true" if self.stale else "false",
            "Tonnage-Quarantined": str(self.quarantined),
        }
        if self.as_of.time is not None and self.lag_seconds is not None:
            headers["Tonnage-As-Of"] = self.as_of.time.isoformat().replace("+00:00", "Z")
            headers["Tonnage-Lag-Seconds"] = str(self.lag_seconds)
        if self.as_of.lsn is not None:
            headers["Tonnage-Lsn"] = self.as_of.lsn
        if self.generation is not None:
            headers["Tonnage-Generation"] = str(self.generation)
        return headers


def judge(
    freshness: Freshness | None,
    quarantined: int,
    *,
    now: datetime,
    stale_after_seconds: float,
    min_lsn: int | None = None,
) -> Meta:
    """Say how fresh an answer is at `now`, and whether it is stale: with every reason."""
    if freshness is None:
        return Meta(
            AsOf(None, None), None, stale=True, quarantined=quarantined, generation=None,
            reason="no generation is served yet",
        )  # fmt: skip
    lag = _lag_seconds(freshness, now)
    reasons = []
    if lag is None:
        reasons.append("the served generation is not complete up to any point yet")
    elif lag > stale_after_seconds:
        reasons.append(f"{lag:g} s behind the source, more than {stale_after_seconds:g} s")
    if freshness.incidents is not None:
        reasons.append(freshness.incidents)
    if min_lsn is not None and not freshness.includes(min_lsn):
        reasons.append("does not include min_lsn yet")
    return Meta(
        AsOf(freshness.source_time, freshness.lsn),
        lag,
        stale=bool(reasons),
        quarantined=quarantined,
        generation=freshness.generation,
        reason="; ".join(reasons) or None,
        drift=freshness.drift,
    )


def _lag_seconds(freshness: Freshness, now: datetime) -> float | None:
    if freshness.source_time is None:
        return None
    return round(max(0.0, (now - freshness.source_time).total_seconds()), 3)
