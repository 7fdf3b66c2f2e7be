"""A place that was looked at for what is left of a user."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A place that was looked at.

    Attributes:
        where: its name.
        keys: how many of the user's keys are there: ids, without a value.
        values: the keys that have a value still; there should be none.
        gone_by: when the older records, and then the keys themselves, are gone.
        purged: how many values were left behind, and are taken out now.
    """

    where: str
    keys: int
    values: tuple[str, ...]
    gone_by: str
    purged: int = 0
