"""What the API answers: the shapes of its JSON, which the OpenAPI document is made from.

Volumes are exact decimals in the source's unit of weight.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec

from api.rows import Exercise, Record, Workout


class WeekVolume(msgspec.Struct, frozen=True, omit_defaults=True):
    """A week's volume; `partial` while the week is running."""

    week: str
    totalVolume: Decimal  # noqa: N815 - the existing front end's name
    workoutCount: int  # noqa: N815 - the same
    avgVolumePerWorkout: Decimal  # noqa: N815 - the same
    partial: bool = False


class WeeklyVolumes(msgspec.Struct, frozen=True):
    """Volume by week, ascending."""

    weekly_volumes: list[WeekVolume]


class WeekFrequency(msgspec.Struct, frozen=True, omit_defaults=True):
    """A week's number of workouts; `partial` while the week is running."""

    week: str
    workoutCount: int  # noqa: N815 - the existing front end's name
    partial: bool = False


class WeeklyFrequency(msgspec.Struct, frozen=True):
    """Workouts by week, ascending."""

    weekly_frequency: list[WeekFrequency]


class GroupVolume(msgspec.Struct, frozen=True):
    """A muscle group's volume, and its percentage of all groups' volume."""

    volume: Decimal
    percentage: Decimal


class MuscleGroups(msgspec.Struct, frozen=True):
    """Volume by muscle group; only groups that were trained."""

    muscle_groups: dict[str, GroupVolume]


class MuscleGroupsSummary(msgspec.Struct, frozen=True):
    """Current and last week by muscle group (`{}` without workouts).

    `balance_score` is Pielou's evenness of the current week over the six groups, 0…100; null
    without volume.
    """

    current_week: dict[str, GroupVolume]
    last_week: dict[str, GroupVolume]
    balance_score: Decimal | None


class WeekGroups(msgspec.Struct, frozen=True, omit_defaults=True):
    """A week by muscle group: volume, workouts that train it, sets. `weekStart` is a Monday."""

    week: str
    weekStart: date  # noqa: N815 - the existing front end's name
    groups: dict[str, Decimal]
    sessions: dict[str, int]
    sets: dict[str, int]
    total: Decimal
    partial: bool = False


class WeeklyGroups(msgspec.Struct, frozen=True):
    """Muscle groups by week, ascending."""

    weekly: list[WeekGroups]


class GroupBalance(msgspec.Struct, frozen=True):
    """Each of the six groups' share (0…1) of the baseline and of the recent weeks' volume.

    `status` is `undertrained`, `ok` or `overemphasized`, judged on the unrounded shares.
    """

    baselineShare: dict[str, Decimal]  # noqa: N815 - the existing front end's name
    currentShare: dict[str, Decimal]  # noqa: N815 - the same
    status: dict[str, str]
    weeks: int
    recent: int
    threshold: Decimal


class GroupRecency(msgspec.Struct, frozen=True):
    """Days since a muscle group was last trained, and the day; null if it never was."""

    days: int | None
    date: date | None


class Recency(msgspec.Struct, frozen=True):
    """Recency of the six groups, and of any other that was trained."""

    recency: dict[str, GroupRecency]


class Records(msgspec.Struct, frozen=True):
    """Personal records; the formula of estimated_1rm and the most repetitions it is used for."""

    records: list[Record]
    formula: str
    e1rm_max_reps: int


class TopWorkouts(msgspec.Struct, frozen=True):
    """The workouts of most volume, first the most."""

    top_workouts: list[Workout]


class Streak(msgspec.Struct, frozen=True):
    """Consecutive ISO weeks with a workout; `since` is the current streak's first week."""

    current: int
    longest: int
    since: str | None


class Exercises(msgspec.Struct, frozen=True):
    """The exercises in the user's workouts, by name."""

    exercises: list[Exercise]


class WeekStats(msgspec.Struct, frozen=True):
    """The WeeklyStats of one week; groups are those that were trained."""

    user_id: int
    year: int
    week: str
    total_volume: Decimal
    workout_count: int
    set_count: int
    rep_count: int
    volume_by_muscle_group: dict[str, Decimal]
    sets_by_muscle_group: dict[str, int]
    sessions_by_muscle_group: dict[str, int]
    last_trained_by_muscle_group: dict[str, datetime]
    volume_by_day: dict[str, Decimal]
    quarantined: int
    created_at: datetime
    updated_at: datetime
