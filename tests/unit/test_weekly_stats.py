from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from stream.domain.sets import parse_sets
from stream.domain.weekly_stats import UNKNOWN_GROUP, WeeklyStats, fold_week
from stream.domain.workouts import Contribution, Counted, Place

PLACE = Place(1, 2020, 53)
GROUPS = {1: "legs", 2: "core", 3: "legs"}
MONDAY, FRIDAY = "2020-12-28", "2021-01-01"
HOUR = 3_600_000_000


def counted(exercise: int, reps: str, weights: str | None = None) -> Counted:
    return Counted(exercise, exercise, parse_sets(reps, weights))


def workout(*rows: Counted, day: str = MONDAY, at_us: int = 0, bad: int = 0) -> Contribution:
    return Contribution(PLACE, day, at_us, rows, bad)


def fold(*workouts: Contribution) -> WeeklyStats | None:
    return fold_week(enumerate(workouts, 1), lambda each: GROUPS.get(each, UNKNOWN_GROUP))


def test_a_week_without_workouts_is_none() -> None:
    assert fold() is None


def test_a_workout_without_exercises_counts() -> None:
    week = fold(workout())
    assert week is not None
    assert (week.workout_count, week.total_volume) == (1, Decimal(0))
    assert not week.volume_by_muscle_group
    assert week.volume_by_day == {MONDAY: 0}


def test_the_figures_of_two_workouts() -> None:
    week = fold(
        workout(counted(1, "[10,8]", "[100,92.5]"), counted(2, "[20]"), at_us=HOUR),
        workout(counted(3, "[5]", "[0.1]"), day=FRIDAY, at_us=2 * HOUR, bad=1),
    )
    assert week == WeeklyStats(
        total_volume=Decimal("1740.5"),
        workout_count=2,
        set_count=4,
        rep_count=43,
        volume_by_muscle_group={"core": Decimal(0), "legs": Decimal("1740.5")},
        sets_by_muscle_group={"core": 1, "legs": 3},
        sessions_by_muscle_group={"core": 1, "legs": 2},
        last_trained_by_muscle_group={
            "core": "1970-01-01T01:00:00Z",
            "legs": "1970-01-01T02:00:00Z",
        },
        volume_by_day={MONDAY: Decimal(1740), FRIDAY: Decimal("0.5")},
        quarantined=1,
    )


def test_two_rows_of_a_group_in_one_workout_are_one_session() -> None:
    week = fold(workout(counted(1, "[5]"), counted(3, "[5]")))
    assert week is not None
    assert week.sessions_by_muscle_group == {"legs": 1}


def test_an_exercise_that_has_not_arrived_counts_as_unknown() -> None:
    week = fold(workout(counted(9, "[5]", "[100]")))
    assert week is not None
    assert week.volume_by_muscle_group == {UNKNOWN_GROUP: 500}


def test_a_date_before_1970_is_when_it_was_last_trained() -> None:
    week = fold(workout(counted(1, "[5]"), at_us=-HOUR))
    assert week is not None
    assert week.last_trained_by_muscle_group == {"legs": "1969-12-31T23:00:00Z"}


weights = st.decimals(-10_000, 10_000, places=9).map(str)
rows = st.builds(
    lambda exercise, reps, weight: counted(exercise, f"[{reps}]", f"[{weight}]"),
    st.integers(1, 4),
    st.integers(0, 10_000),
    weights,
)


@given(st.lists(st.lists(rows, max_size=4), min_size=1, max_size=5))
def test_groups_and_days_sum_to_the_total(workouts: list[list[Counted]]) -> None:
    days = [MONDAY, FRIDAY]
    week = fold(*(workout(*each, day=days[n % 2]) for n, each in enumerate(workouts)))
    assert week is not None
    assert sum(week.volume_by_muscle_group.values()) == week.total_volume
    assert sum(week.volume_by_day.values()) == week.total_volume
