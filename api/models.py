"""What the API answers: the shapes of its JSON, which the OpenAPI document is made from.

Volumes are exact decimals in the source's unit of weight.
"""

from __future__ import annotations

import datetime as dt
from datetime import date, datetime
from decimal import Decimal

import msgspec

from api.rows import Evidence, Exercise, Record, SetDone, Workout


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


class Totals(msgspec.Struct, frozen=True):
    """Volume of this week against the last; `deltaPct` is null where that had none."""

    this: Decimal
    last: Decimal
    deltaPct: Decimal | None  # noqa: N815 - the existing front end's name


class GroupComparison(msgspec.Struct, frozen=True, omit_defaults=True):
    """The running week against the last: volumes and changes by muscle group.

    `topGroup` is this week's group of most volume; null without volume.
    """

    thisWeek: str  # noqa: N815 - the existing front end's name
    lastWeek: str  # noqa: N815 - the same
    this: dict[str, Decimal]
    last: dict[str, Decimal]
    deltaPct: dict[str, Decimal | None]  # noqa: N815 - the same
    topGroup: str | None  # noqa: N815 - the same
    totals: Totals
    partial: bool = False


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
    next_cursor: str | None
    formula: str
    e1rm_max_reps: int


class TopWorkouts(msgspec.Struct, frozen=True):
    """The workouts of most volume, first the most."""

    top_workouts: list[Workout]
    next_cursor: str | None


class Streak(msgspec.Struct, frozen=True):
    """Consecutive ISO weeks with a workout; `since` is the current streak's first week."""

    current: int
    longest: int
    since: str | None


class Exercises(msgspec.Struct, frozen=True):
    """The exercises in the user's workouts, by name."""

    exercises: list[Exercise]
    next_cursor: str | None


class BestSet(msgspec.Struct, frozen=True):
    """The set of most weight, the earliest of equals."""

    reps: int
    weight: Decimal
    evidence: Evidence


class WeekProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """A week of one exercise; null where no set can tell."""

    week: str
    volume: Decimal
    sets: int
    bestSet: BestSet | None  # noqa: N815 - as the existing front end writes names
    estimated1RM: Decimal | None  # noqa: N815 - the same
    partial: bool = False


class Progress(msgspec.Struct, frozen=True):
    """An exercise by week, ascending; the formula of estimated1RM and its most repetitions."""

    exercise_id: int
    exercise: str | None
    muscle_group: str | None
    weeks: list[WeekProgress]
    formula: str
    e1rm_max_reps: int


class WeekOverYear(msgspec.Struct, frozen=True, omit_defaults=True):
    """A week and the one of the same number a year before.

    Week 53 stands against nothing where the other year has none: then `comparable` is false
    and that side is null. `deltaPct` is null too against no volume, and for weeks to come.
    """

    week: str | None
    totalVolume: Decimal | None  # noqa: N815 - as the existing front end writes names
    workoutCount: int | None  # noqa: N815 - the same
    previousWeek: str | None  # noqa: N815 - the same
    previousVolume: Decimal | None  # noqa: N815 - the same
    previousWorkoutCount: int | None  # noqa: N815 - the same
    comparable: bool
    deltaPct: Decimal | None  # noqa: N815 - the same
    partial: bool = False


class YearToDate(msgspec.Struct, frozen=True):
    """Both years' volume up to the same ISO week and weekday, those days included."""

    until: date
    previousUntil: date  # noqa: N815 - as the existing front end writes names
    totalVolume: Decimal  # noqa: N815 - the same
    previousVolume: Decimal  # noqa: N815 - the same
    deltaPct: Decimal | None  # noqa: N815 - the same


class YearOverYear(msgspec.Struct, frozen=True):
    """An ISO year against the one before."""

    year: int
    previousYear: int  # noqa: N815 - as the existing front end writes names
    weeks: list[WeekOverYear]
    toDate: YearToDate  # noqa: N815 - the same


class DayVolume(msgspec.Struct, frozen=True):
    """A day's volume."""

    date: dt.date
    totalVolume: Decimal  # noqa: N815 - as the existing front end writes names


class Calendar(msgspec.Struct, frozen=True):
    """The days of a calendar year that have a workout, ascending."""

    year: int
    days: list[DayVolume]


class ExerciseExplained(msgspec.Struct, frozen=True):
    """A performed exercise that counts, with every set."""

    performed_exercise_id: int
    exercise_id: int
    exercise: str | None
    muscle_group: str
    volume: Decimal
    sets: list[SetDone]


class RowLeftOut(msgspec.Struct, frozen=True):
    """A performed exercise that does not count, its lists as they stand, and why."""

    performed_exercise_id: int
    exercise_id: int
    exercise: str | None
    muscle_group: str
    reason: str
    reps_per_set: str | None
    weights_per_set: str | None


class WorkoutExplained(msgspec.Struct, frozen=True):
    """A workout of the week; `day` is its day in the deployment's time zone."""

    workout_id: int
    date: datetime
    day: dt.date
    name: str | None
    total_volume: Decimal
    exercises: list[ExerciseExplained]
    left_out: list[RowLeftOut]


class WeekFigures(msgspec.Struct, frozen=True):
    """A week's figures, as its WeeklyStats names them."""

    total_volume: Decimal
    workout_count: int
    set_count: int
    rep_count: int
    volume_by_muscle_group: dict[str, Decimal]
    quarantined: int


class WeekExplained(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a week's figures come from. `figures` are the sums of all that is listed.

    `agrees` says that they are the week's WeeklyStats: false only for the moment in which a
    change has reached one of the two.
    """

    week: str
    figures: WeekFigures
    agrees: bool
    workouts: list[WorkoutExplained]
    partial: bool = False


class WeekStats(msgspec.Struct, frozen=True, omit_defaults=True):
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
    partial: bool = False
