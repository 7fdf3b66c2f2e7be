"""A week's figures: the fold of its workouts' contributions.

Nothing is added or subtracted in place, so nothing drifts: an edit replaces a contribution
and the week is folded anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from stream.domain.exact import EXACT, ZERO, plain
from stream.domain.weeks import iso_utc
from stream.domain.workouts import Contribution

UNKNOWN_GROUP = "unknown"
DEFAULT_GROUP = "core"


class WeeklyStats(msgspec.Struct, frozen=True):
    """The figures of a user's week, in the units of the source's weights.

    Groups are those trained, a volume of 0 included; times are ISO 8601 in UTC, days those
    of the deployment's zone.
    """

    total_volume: Decimal
    workout_count: int
    set_count: int
    rep_count: int
    volume_by_muscle_group: dict[str, Decimal]
    sets_by_muscle_group: dict[str, int]
    sessions_by_muscle_group: dict[str, int]
    last_trained_by_muscle_group: dict[str, str]
    volume_by_day: dict[str, Decimal]
    quarantined: int


class _Group:
    __slots__ = ("last_us", "sessions", "sets", "volume")

    def __init__(self) -> None:
        self.volume = ZERO
        self.sets = 0
        self.sessions: set[int] = set()
        self.last_us = -(2**63)


def fold_week(
    workouts: Iterable[tuple[int, Contribution]], group_of: Callable[[int], str]
) -> WeeklyStats | None:
    """Fold (workout id, contribution) pairs into the week's figures; None without workouts."""
    add = EXACT.add
    groups: dict[str, _Group] = {}
    days: dict[str, Decimal] = {}
    count = sets = reps = quarantined = 0
    for workout_id, workout in workouts:
        count += 1
        quarantined += workout.bad_rows
        of_day = days.get(workout.day, ZERO)
        for row in workout.rows:
            performed = row.sets
            of_day = add(of_day, performed.volume)
            sets += len(performed.reps)
            reps += sum(performed.reps)
            name = group_of(row.exercise_id)
            group = groups.get(name)
            if group is None:
                group = groups[name] = _Group()
            group.volume = add(group.volume, performed.volume)
            group.sets += len(performed.reps)
            group.sessions.add(workout_id)
            group.last_us = max(group.last_us, workout.date_us)
        days[workout.day] = of_day
    if not count:
        return None
    total = ZERO
    for volume in days.values():
        total = add(total, volume)
    ordered = sorted(groups.items())
    return WeeklyStats(
        total_volume=plain(total),
        workout_count=count,
        set_count=sets,
        rep_count=reps,
        volume_by_muscle_group={name: plain(group.volume) for name, group in ordered},
        sets_by_muscle_group={name: group.sets for name, group in ordered},
        sessions_by_muscle_group={name: len(group.sessions) for name, group in ordered},
        last_trained_by_muscle_group={name: iso_utc(group.last_us) for name, group in ordered},
        volume_by_day={day: plain(volume) for day, volume in sorted(days.items())},
        quarantined=quarantined,
    )
