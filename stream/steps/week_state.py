"""A user's week as the aggregate keeps it: its workouts, and a digest of what was said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b

import msgspec

from stream.domain.weekly_stats import WeeklyStats, fold_week
from stream.domain.workouts import Contribution, Lift, Origin
from stream.steps.outputs import encode_value


class Held(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A workout in a week: the offset of its last fact here, and that fact's version.

    `former` are the lifts that it had here once and has no more: what has to be said again
    when its last fact is.
    """

    offset: int
    version: int
    contribution: Contribution | None
    former: tuple[Lift, ...]

    def lifts(self) -> set[Lift]:
        """Name the lifts that it has or had."""
        now = set(self.contribution.lifts()) if self.contribution is not None else set()
        return now.union(self.former)


class WeekState(msgspec.Struct, array_like=True):
    """A user's week; it holds whatever the log up to `version` says of it."""

    version: int
    origin: Origin
    created_us: int
    digest: bytes
    workouts: dict[int, Held]

    def live(self) -> Iterator[tuple[int, Contribution]]:
        """Go through the workouts that count."""
        for workout_id, held in self.workouts.items():
            if held.contribution is not None:
                yield workout_id, held.contribution

    def exercises(self) -> set[int]:
        """Name the exercises that count."""
        return {row.exercise_id for _, workout in self.live() for row in workout.rows}

    def stats(self, group_of: Callable[[int], str]) -> WeeklyStats | None:
        """Return the week's figures; None without workouts."""
        return fold_week(self.live(), group_of)


ABSENT = b""
"""The digest of a week without workouts."""

encode_week = msgspec.msgpack.Encoder().encode
decode_week = msgspec.msgpack.Decoder(WeekState).decode


def empty_week() -> WeekState:
    """Return a week of which nothing is known."""
    return WeekState(-1, Origin(0, 0), 0, ABSENT, {})


def digest_of(stats: WeeklyStats | None) -> bytes:
    """Return what tells a week's figures from others."""
    return ABSENT if stats is None else blake2b(encode_value(stats), digest_size=8).digest()
