from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.integration.conftest import Api, ReadStore


def test_weekly_volume_is_ascending_with_averages(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, total_volume=Decimal("100.25"), workout_count=2)
    read_store.week(1, 2026, 45, total_volume=1000, workout_count=3)
    read_store.week(2, 2026, 45, total_volume=7, workout_count=7)
    assert api.data("/v1/users/1/weekly-volume") == {
        "weekly_volumes": [
            {
                "week": "2026-W45",
                "totalVolume": 1000,
                "workoutCount": 3,
                "avgVolumePerWorkout": 333.33,
            },
            # 50.125 to two places, half-even
            {
                "week": "2026-W46",
                "totalVolume": 100.25,
                "workoutCount": 2,
                "avgVolumePerWorkout": 50.12,
            },
        ]
    }


def test_the_running_week_is_partial(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, total_volume=1, workout_count=1)
    read_store.week(1, 2026, 47, total_volume=1, workout_count=1)
    weeks = api.data("/v1/users/1/weekly-volume")["weekly_volumes"]
    assert [week.get("partial") for week in weeks] == [None, True]


def test_volumes_are_never_binary_floats(api: Api, read_store: ReadStore) -> None:
    exact = "12345678901234567890.1234567890123456789"
    read_store.week(1, 2026, 46, total_volume=Decimal(exact), workout_count=1)
    answer = json.loads(api.get("/v1/users/me/weekly-volume").content, parse_float=Decimal)
    assert answer["weekly_volumes"][0]["totalVolume"] == Decimal(exact)


def test_fill_gives_the_empty_weeks_over_a_year_with_53_weeks(
    api: Api, read_store: ReadStore
) -> None:
    read_store.week(1, 2020, 53, total_volume=50, workout_count=1)
    path = "/v1/users/1/weekly-volume?start=2020-W52&end=2021-W01&fill=zero"
    weeks = api.data(path)["weekly_volumes"]
    assert [(week["week"], week["totalVolume"], week["workoutCount"]) for week in weeks] == [
        ("2020-W52", 0, 0),
        ("2020-W53", 50, 1),
        ("2021-W01", 0, 0),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("start=2020-12-31&end=2021-01-01", ["2020-W53"]),
        ("start=2020-W53&end=2020-W53", ["2020-W53"]),
        ("start=2020-12-27T23:59:59Z&end=2021-01-04", ["2020-W52", "2020-W53", "2021-W01"]),
        ("start=2021-01-04T00:30:00%2B01:00&end=2021-01-04", ["2020-W53", "2021-W01"]),
        ("start=2021-01-04T00:30:00+01:00&end=2021-01-04", ["2020-W53", "2021-W01"]),
        ("end=2020-W53", ["2020-W52", "2020-W53"]),
    ],
)  # fmt: skip
def test_ranges_are_whole_weeks(
    api: Api, read_store: ReadStore, query: str, expected: list[str]
) -> None:
    for year, week in [(2020, 52), (2020, 53), (2021, 1), (2021, 2)]:
        read_store.week(1, year, week, total_volume=1, workout_count=1)
    weeks = api.data(f"/v1/users/1/weekly-volume?{query}")["weekly_volumes"]
    assert [week["week"] for week in weeks] == expected


def test_the_default_range_is_180_days(api: Api, read_store: ReadStore) -> None:
    # 180 days before 2026-11-18 is 2026-05-22, in 2026-W21
    for week in (20, 21, 47, 48):
        read_store.week(1, 2026, week, total_volume=1, workout_count=1)
    weeks = api.data("/v1/users/1/weekly-frequency")["weekly_frequency"]
    assert weeks == [
        {"week": "2026-W21", "workoutCount": 1},
        {"week": "2026-W47", "workoutCount": 1, "partial": True},
    ]


def test_muscle_groups_sum_exactly_over_the_range(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 40, volume_by_muscle_group={"chest": 0.1, "legs": 0})
    read_store.week(1, 2026, 41, volume_by_muscle_group={"chest": 0.2, "back": 0.6})
    read_store.week(1, 2026, 42, volume_by_muscle_group={"back": 99})
    path = "/v1/users/1/muscle-groups?start=2026-W40&end=2026-W41"
    assert api.data(path) == {
        "muscle_groups": {
            "back": {"volume": 0.6, "percentage": 66.7},
            "chest": {"volume": 0.3, "percentage": 33.3},
            "legs": {"volume": 0, "percentage": 0},
        }
    }


def test_a_total_of_zero_gives_percentage_zero(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, volume_by_muscle_group={"core": 0})
    assert api.data("/v1/users/1/muscle-groups") == {
        "muscle_groups": {"core": {"volume": 0, "percentage": 0}}
    }


def test_summary_is_of_this_week_and_the_last(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 47, volume_by_muscle_group={"chest": 10, "back": 10})
    read_store.week(1, 2026, 46, volume_by_muscle_group={"legs": 5})
    assert api.data("/v1/users/1/muscle-groups/summary") == {
        "current_week": {
            "back": {"volume": 10, "percentage": 50},
            "chest": {"volume": 10, "percentage": 50},
        },
        "last_week": {"legs": {"volume": 5, "percentage": 100}},
        "balance_score": 38.7,  # ln 2 / ln 6
    }


def test_summary_in_week_1_looks_at_the_year_before(api: Api, read_store: ReadStore) -> None:
    api.now = datetime(2021, 1, 5, tzinfo=UTC)
    read_store.week(1, 2020, 53, volume_by_muscle_group={"legs": 5})
    answer = api.data("/v1/users/1/muscle-groups/summary")
    assert answer["current_week"] == {}
    assert answer["last_week"] == {"legs": {"volume": 5, "percentage": 100}}
    assert answer["balance_score"] is None


def test_muscle_groups_by_week(api: Api, read_store: ReadStore) -> None:
    read_store.week(
        1,
        2026,
        46,
        total_volume=12,
        volume_by_muscle_group={"chest": 12},
        sets_by_muscle_group={"chest": 4},
        sessions_by_muscle_group={"chest": 2},
    )
    path = "/v1/users/1/muscle-groups/weekly?start=2026-W45&end=2026-W46&fill=zero"
    assert api.data(path)["weekly"] == [
        {
            "week": "2026-W45",
            "weekStart": "2026-11-02",
            "groups": {},
            "sessions": {},
            "sets": {},
            "total": 0,
        },
        {
            "week": "2026-W46",
            "weekStart": "2026-11-09",
            "groups": {"chest": 12},
            "sessions": {"chest": 2},
            "sets": {"chest": 4},
            "total": 12,
        },
    ]


def test_balance_compares_the_last_weeks_with_all(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 39, volume_by_muscle_group={"core": 1000})  # the ninth week back
    read_store.week(1, 2026, 40, volume_by_muscle_group={"chest": 60, "back": 30, "legs": 10})
    read_store.week(1, 2026, 47, volume_by_muscle_group={"chest": 20, "back": 30, "legs": 50})
    answer = api.data("/v1/users/1/muscle-groups/balance")
    assert answer["baselineShare"] | {"legs": 0.3} == {
        "chest": 0.4, "back": 0.3, "legs": 0.3, "shoulders": 0, "arms": 0, "core": 0,
    }  # fmt: skip
    assert answer["currentShare"]["chest"] == 0.2
    assert answer["status"] == {
        "chest": "undertrained", "back": "ok", "legs": "overemphasized",
        "shoulders": "ok", "arms": "ok", "core": "ok",
    }  # fmt: skip


def test_recency_counts_calendar_days(api: Api, read_store: ReadStore) -> None:
    last = {"chest": "2026-11-16T23:59:00Z", "neck": "2026-11-18T01:00:00Z"}
    read_store.week(1, 2026, 47, last_trained_by_muscle_group=last)
    read_store.week(1, 2026, 40, last_trained_by_muscle_group={"chest": "2026-10-01T00:00:00Z"})
    recency = api.data("/v1/users/1/muscle-groups/recency")["recency"]
    assert recency["chest"] == {"days": 2, "date": "2026-11-16"}
    assert recency["neck"] == {"days": 0, "date": "2026-11-18"}
    assert recency["legs"] == {"days": None, "date": None}
    assert set(recency) == {"chest", "back", "shoulders", "arms", "legs", "core", "neck"}


def test_a_week_has_every_figure(api: Api, read_store: ReadStore) -> None:
    figures: dict[str, Any] = {
        "total_volume": Decimal("1740.5"),
        "workout_count": 2,
        "set_count": 5,
        "rep_count": 42,
        "volume_by_muscle_group": {"chest": 1740.5},
        "sets_by_muscle_group": {"chest": 5},
        "sessions_by_muscle_group": {"chest": 2},
        "last_trained_by_muscle_group": {"chest": "2026-11-16T07:10:22Z"},
        "volume_by_day": {"2026-11-16": 1740.5},
        "quarantined": 1,
    }
    read_store.week(1, 2026, 47, **figures)
    assert api.data("/v1/users/1/weeks/2026-W47") == figures | {
        "user_id": 1,
        "year": 2026,
        "week": "2026-W47",
        "total_volume": 1740.5,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "partial": True,
    }


def test_a_week_without_workouts_is_404(api: Api) -> None:
    response = api.get("/v1/users/1/weeks/2026-W47")
    assert response.status_code == 404
    assert "no workout in 2026-W47" in response.json()["detail"]


@pytest.fixture
def squat_and_bench(read_store: ReadStore) -> None:
    read_store.insert("exercises", exercise_id=7, name="Squat", muscle_group="legs")
    day = datetime(2026, 11, 2, 18, tzinfo=UTC)
    lift = {"user_id": 1, "workout_id": 4, "date": day, "performed_exercise_id": 9}
    for exercise, kind, reps, weight, value in [
        (8, "set_reps", 20, 20, 20),
        (7, "heaviest_weight:10", 10, 80, 80),
        (7, "heaviest_weight:5", 5, Decimal("92.5"), Decimal("92.5")),
        (7, "heaviest_weight", 5, Decimal("92.5"), Decimal("92.5")),
    ]:
        values = {"reps": reps, "weight": weight, "value": value, "set_number": 2}
        read_store.insert("personal_records", exercise_id=exercise, kind=kind, **lift, **values)
    read_store.insert(
        "personal_records",
        user_id=1,
        exercise_id=7,
        kind="workout_volume",
        value=1500,
        workout_id=4,
        date=day,
    )


@pytest.mark.usefixtures("squat_and_bench")
def test_records_have_their_evidence(api: Api) -> None:
    answer = api.data("/v1/users/1/records")
    assert [(each["exercise_id"], each["kind"]) for each in answer["records"]] == [
        (7, "heaviest_weight"),
        (7, "heaviest_weight:5"),
        (7, "heaviest_weight:10"),
        (7, "workout_volume"),
        (8, "set_reps"),
    ]
    assert (answer["formula"], answer["e1rm_max_reps"]) == ("epley", 12)
    assert answer["records"][1] == {
        "exercise_id": 7,
        "exercise": "Squat",
        "kind": "heaviest_weight:5",
        "reps": 5,
        "weight": 92.5,
        "value": 92.5,
        "evidence": {
            "workout_id": 4,
            "date": "2026-11-02T18:00:00Z",
            "performed_exercise_id": 9,
            "set": 2,
        },
    }


@pytest.mark.usefixtures("squat_and_bench")
def test_records_of_one_exercise(api: Api) -> None:
    assert len(api.data("/v1/users/1/records/7")["records"]) == 4
    (record,) = api.data("/v1/users/1/records/8")["records"]
    assert record["exercise"] is None  # the exercise itself has not arrived
    assert api.data("/v1/users/1/records/9")["records"] == []
    assert api.data("/v1/users/2/records", user=2)["records"] == []


def _workout(
    read_store: ReadStore, workout_id: int, date: str, volume: object, **more: Any
) -> None:
    moment = datetime.fromisoformat(date)
    year, week, _ = moment.isocalendar()
    values = {"user_id": 1, "name": f"W{workout_id}", "date": moment, "year": year, "week": week}
    read_store.insert("workouts", workout_id=workout_id, total_volume=volume, **(values | more))


def test_top_workouts_ties_go_by_date_then_id(api: Api, read_store: ReadStore) -> None:
    _workout(read_store, 1, "2026-11-03T10:00Z", 100)
    _workout(read_store, 3, "2026-11-02T10:00Z", 100)
    _workout(read_store, 2, "2026-11-02T10:00Z", 100, exercises=[{}, {}], bad_rows=[{}])
    _workout(read_store, 4, "2019-01-01T10:00Z", Decimal("100.5"))
    _workout(read_store, 5, "2026-11-01T10:00Z", 999, user_id=2)
    top = api.data("/v1/users/1/top-workouts?limit=3")["top_workouts"]
    assert [each["id"] for each in top] == [4, 2, 3]
    assert top[1] == {
        "id": 2,
        "date": "2026-11-02T10:00:00Z",
        "name": "W2",
        "total_volume": 100,
        "exercise_count": 3,
    }
    recent = api.data("/v1/users/1/top-workouts?start=2026-W45")["top_workouts"]
    assert [each["id"] for each in recent] == [2, 3, 1]


def test_streaks_pass_over_the_year(api: Api, read_store: ReadStore) -> None:
    api.now = datetime(2021, 1, 13, tzinfo=UTC)  # 2021-W02, not trained yet
    for year, week in [(2020, 10), (2020, 52), (2020, 53), (2021, 1)]:
        read_store.week(1, year, week)
    assert api.data("/v1/users/1/streak") == {"current": 3, "longest": 3, "since": "2020-W52"}


def test_exercises_are_those_that_were_done(api: Api, read_store: ReadStore) -> None:
    read_store.insert("exercises", exercise_id=7, name="Squat", muscle_group="legs")
    read_store.insert("exercises", exercise_id=8, name="Mine", muscle_group="arms", owner_id=1)
    read_store.insert("exercises", exercise_id=9, name="Never done", muscle_group="arms")
    twice = [{"exercise_id": 7}, {"exercise_id": 7}, {"exercise_id": 8}]
    _workout(read_store, 1, "2026-11-03T10:00Z", 1, exercises=twice)
    _workout(read_store, 2, "2026-11-05T10:00Z", 1, exercises=[{"exercise_id": 7}])
    found = api.data("/v1/users/1/exercises")["exercises"]
    assert [(each["name"], each["sessions"], each["is_custom"]) for each in found] == [
        ("Mine", 1, True),
        ("Squat", 2, False),
    ]
    assert found[1]["last_performed"] == "2026-11-05T10:00:00Z"


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize(
    "path", ["weekly-volume", "weekly-frequency", "muscle-groups", "muscle-groups/summary"]
)
def test_an_existing_front_end_gets_the_same(
    api: Api, read_store: ReadStore, path: str, slash: str
) -> None:
    for user, volume in [(1, 10), (2, 20)]:
        groups = {"volume_by_muscle_group": {"chest": volume}}
        read_store.week(user, 2026, 46, total_volume=volume, workout_count=user, **groups)
    old = f"/api/analytics/{path}{slash}?start_date=2026-11-09&end_date=2026-11-10T00:00:00Z"
    new = f"/v1/users/me/{path}?start=2026-W46&end=2026-W46"
    assert api.data(old, user=2) == api.data(new, user=2)
    assert api.data(old, user=2) != api.data(old, user=1)


def test_an_empty_bound_is_none(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, total_volume=5, workout_count=1)
    answer = api.data("/api/analytics/weekly-volume/?start_date=&end_date=")
    assert answer == api.data("/v1/users/me/weekly-volume")
    assert len(answer["weekly_volumes"]) == 1


def test_deleted_rows_are_not_there(api: Api, read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, total_volume=5, workout_count=1, deleted=True)
    assert api.data("/v1/users/1/weekly-volume") == {"weekly_volumes": []}


def test_random_weeks_equal_a_recomputation(api: Api, read_store: ReadStore) -> None:
    chance = random.Random(20261118)
    volumes: dict[str, dict[str, Fraction]] = {}
    for week in range(1, 48):
        groups = {
            name: chance.randrange(0, 4_000_000) / 100
            for name in chance.sample(["chest", "back", "legs", "core", "neck"], k=3)
        }
        exact = {name: Fraction(str(volume)) for name, volume in groups.items()}
        total = sum(exact.values(), Fraction())
        volumes[f"2026-W{week:02d}"] = exact
        read_store.week(
            1,
            2026,
            week,
            total_volume=Decimal(total.numerator) / total.denominator,
            workout_count=week % 6 + 1,
            volume_by_muscle_group=groups,
        )
    weeks = api.data("/v1/users/1/weekly-volume?start=2026-W01")["weekly_volumes"]
    assert len(weeks) == 47
    for number, week in enumerate(weeks, start=1):
        total = sum(volumes[week["week"]].values(), Fraction())
        assert week["totalVolume"] == float(total)
        assert week["avgVolumePerWorkout"] == float(round(total / (number % 6 + 1), 2))
    found = api.data("/v1/users/1/muscle-groups?start=2026-W01")["muscle_groups"]
    whole = sum((sum(each.values(), Fraction()) for each in volumes.values()), Fraction())
    for group, figures in found.items():
        volume = sum((groups.get(group, Fraction()) for groups in volumes.values()), Fraction())
        assert figures["volume"] == float(volume)
        assert figures["percentage"] == float(round(100 * volume / whole, 1))
