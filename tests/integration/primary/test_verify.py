from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest
import typer
from typer.testing import CliRunner

from infra.commands.verify import register
from infra.differences import Difference
from infra.errors import TonnageError
from infra.verify import sample_users, verify, verify_against
from stream.settings import Settings
from tests.integration.conftest import ReadStore
from tests.integration.primary.conftest import App

TABLES = ("weekly_stats", "workouts", "exercises", "personal_records", "quarantine")
SERVED = "tonnage_g1"


def differences(settings: Settings, users: list[int] | None = None) -> list[Difference]:
    return list(verify(settings, users, Counter()))


def expected(settings: Settings, table: str) -> list[str]:
    return [str(each.expected) for each in differences(settings) if each.table == table]


@pytest.fixture
def ann(app: App, read_store: ReadStore) -> int:
    """Ann's only workout, on the first day of 2021 in Berlin; every figure worked out by hand."""
    app.run("TRUNCATE exercise CASCADE")
    ann = app.user("ann")
    for identity, name, group in ((1, "Squat", "legs"), (2, "Plank", "")):
        app.run(
            'INSERT INTO exercise (id, name, muscle_group, category, level, "primaryMuscles",'
            ' "secondaryMuscles", instructions, images, is_custom)'
            " VALUES (%s, %s, %s, '', '', '[]', '[]', '[]', '[]', false)",
            identity, name, group,
        )  # fmt: skip
    workout = app.workout(ann, "2020-12-31T23:30Z", "Late")
    squat = app.performed(workout, 1, "[10, 8, 0, 5]", "[100, 92.50, 300]")
    plank = app.performed(workout, 2, "[3]")
    bad = app.performed(workout, 1, '["ten"]', "[500]")
    serve(read_store, ann, workout, squat, plank, bad)
    return ann


def serve(read_store: ReadStore, ann: int, workout: int, squat: int, plank: int, bad: int) -> None:
    """Put into the read store what must be there of ann's workout."""
    date = "2020-12-31T23:30:00+00:00"
    read_store.week(
        ann, 2020, 53,
        total_volume=1740, workout_count=1, set_count=5, rep_count=26, quarantined=1,
        volume_by_muscle_group={"legs": 1740, "core": 0},
        sets_by_muscle_group={"legs": 4, "core": 1},
        sessions_by_muscle_group={"legs": 1, "core": 1},
        last_trained_by_muscle_group={"legs": "2020-12-31T23:30:00Z", "core": date},
        volume_by_day={"2021-01-01": 1740},
    )  # fmt: skip
    sets = [(10, 100, 1000), (8, 92.5, 740), (0, 300, 0), (5, None, 0)]
    read_store.insert(
        "workouts", workout_id=workout, user_id=ann, date=date, year=2020, week=53, name="Late",
        total_volume=1740,
        exercises=[
            {"performed_exercise_id": squat, "exercise_id": 1, "volume": 1740,
             "sets": [{"set": place, "reps": reps, "weight": weight, "volume": volume}
                      for place, (reps, weight, volume) in enumerate(sets, start=1)]},
            {"performed_exercise_id": plank, "exercise_id": 2, "volume": 0,
             "sets": [{"set": 1, "reps": 3, "weight": None, "volume": 0}]},
        ],
        bad_rows=[{"performed_exercise_id": bad, "reason": "it is text"}],
    )  # fmt: skip
    read_store.insert(
        "quarantine", topic="fit.public.workouts_performedexercise", key=f'{{"id":{bad}}}',
        reason="it is text", event="{}",
    )  # fmt: skip
    read_store.insert("exercises", exercise_id=1, name="Squat", muscle_group="legs")
    read_store.insert("exercises", exercise_id=2, name="Plank", muscle_group="core")
    for exercise, row, kind, value, reps, weight, place in (
        (1, squat, "heaviest_weight", 100, 10, 100, 1),
        (1, squat, "heaviest_weight:10", 100, 10, 100, 1),
        (1, squat, "heaviest_weight:8", "92.5", 8, "92.5", 2),
        (1, squat, "estimated_1rm", "133.33", 10, 100, 1),
        (1, squat, "set_reps", 10, 10, 100, 1),
        (1, None, "workout_volume", 1740, None, None, None),
        (2, plank, "set_reps", 3, 3, None, 1),
        (2, None, "workout_volume", 0, None, None, None),
    ):
        read_store.insert(
            "personal_records", user_id=ann, exercise_id=exercise, kind=kind, value=value,
            reps=reps, weight=weight, workout_id=workout, date=date,
            performed_exercise_id=row, set_number=place,
        )  # fmt: skip


@pytest.mark.usefixtures("ann")
def test_right_figures_do_not_differ(settings: Settings) -> None:
    compared: Counter[str] = Counter()
    assert list(verify(settings, None, compared)) == []
    assert compared == dict(zip(TABLES, (1, 1, 2, 8, 1), strict=True))


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        *(("weekly_stats", name, "7") for name in
          ("total_volume", "workout_count", "set_count", "rep_count", "quarantined")),
        *(("weekly_stats", f"{name}_by_muscle_group", '{"legs": 7}') for name in
          ("volume", "sets", "sessions", "last_trained")),
        ("weekly_stats", "volume_by_day", '{"2020-12-31": 1740}'),
        *(("workouts", name, "7") for name in ("user_id", "year", "week", "name", "total_volume")),
        ("workouts", "date", "2020-12-31 23:30:00.000001Z"),
        ("workouts", "exercises", "[]"),
        ("workouts", "bad_rows", "[]"),
        *(("exercises", name, "7") for name in ("name", "muscle_group", "owner_id")),
        *(("personal_records", name, "7") for name in
          ("reps", "weight", "value", "workout_id", "performed_exercise_id", "set_number")),
        ("personal_records", "date", "2020-12-31 23:30:00.000001Z"),
    ],
)  # fmt: skip
def test_every_altered_column_is_found(
    settings: Settings, read_store: ReadStore, table: str, column: str, value: str
) -> None:
    read_store.execute(f"UPDATE {SERVED}.{table} SET {column} = %s", [value])
    found = differences(settings)
    assert {(each.table, each.column.split(".")[0]) for each in found} == {(table, column)}


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_not_served_is_found(
    settings: Settings, read_store: ReadStore, table: str
) -> None:
    read_store.execute(f"UPDATE {SERVED}.{table} SET deleted = true")
    assert {(each.table, each.found) for each in differences(settings)} == {(table, None)}


def test_a_row_that_is_served_without_source_is_found(
    app: App, settings: Settings, ann: int
) -> None:
    app.run("DELETE FROM workouts_performedexercise")
    app.run("DELETE FROM workouts_workout WHERE user_id = %s", ann)
    app.run("DELETE FROM exercise")
    found = differences(settings)
    assert {each.table for each in found} == set(TABLES)
    assert {each.expected for each in found} == {None}


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("key", ['{"id": 7}', '{"id":8}'])
def test_a_row_that_is_quarantined_without_reason_is_found(
    settings: Settings, read_store: ReadStore, key: str
) -> None:
    read_store.insert("quarantine", topic="fit.public.workouts_performedexercise", key=key)
    (found,) = differences(settings)
    assert (found.table, found.expected, found.found) == ("quarantine", None, key[-2])


@pytest.mark.usefixtures("ann")
def test_events_that_stand_for_no_row_are_no_difference(
    settings: Settings, read_store: ReadStore
) -> None:
    read_store.insert("quarantine", topic="fit.public.exercise", key='{"id":7}')
    read_store.insert("quarantine", topic="fit.public.workouts_performedexercise", key="torn")
    assert differences(settings) == []


@pytest.mark.parametrize(
    ("reps", "weights"),
    [
        ("[]", None), ("[0, 10000]", "null"), ("[10.0, 1e1]", "[]"),
        ("[5]", "[null]"), ("[5]", "[-10000, 10000.000]"), ("[5, 5]", "[1]"), ("[5]", "[1, null]"),
        ("[5]", "[1.00000000000000000000000000001]"),
    ],
)  # fmt: skip
def test_good_rows(app: App, settings: Settings, reps: str, weights: str | None) -> None:
    app.performed(app.workout(app.user("ann"), "2026-11-16"), 1, reps, weights)
    (workout,) = expected(settings, "workouts")
    assert '"performed_exercise_id": 1' in workout
    assert workout.endswith("}] | []")


@pytest.mark.parametrize(
    ("reps", "weights"),
    [
        ("null", None), ("5", None), ('{"0": 5}', None), ('"[5]"', None), ("[null]", None),
        ('["5"]', None), ("[true]", None), ("[[5]]", None), ("[5.5]", None), ("[-1]", None),
        ("[10001]", None), ("[1e100000]", "[1e100000]"),
        ("[5]", "100"), ("[5]", "{}"), ("[5]", '["100"]'), ("[5]", "[false]"), ("[5]", "[[]]"),
        ("[5]", "[10000.1]"), ("[5]", "[-10001]"), ("[5]", "[1, 99999]"),
        ("[5]", "[1.000000000000000000000000000001]"),
    ],
)  # fmt: skip
def test_bad_rows(app: App, settings: Settings, reps: str, weights: str | None) -> None:
    app.performed(app.workout(app.user("ann"), "2026-11-16"), 1, reps, weights)
    (workout,), (week,) = expected(settings, "workouts"), expected(settings, "weekly_stats")
    assert workout.endswith("| 0 | [] | [1]")
    assert week.endswith('| {"2026-11-16": 0} | 1')


def records(settings: Settings, kind: str) -> list[str]:
    return [str(each.expected) for each in differences(settings) if each.key.get("kind") == kind]


@pytest.mark.parametrize(
    ("weight", "shown"), [("0.00375", "0.00"), ("0.01125", "0.02"), ("0.01875", "0.02"),
                          ("0.0187501", "0.03"), ("77.1", "102.80")],
)  # fmt: skip
def test_one_rep_max_is_rounded_half_even(
    app: App, settings: Settings, weight: str, shown: str
) -> None:
    app.performed(app.workout(app.user("ann"), "2026-11-16"), 1, "[10]", f"[{weight}]")
    ((record),) = records(settings, "estimated_1rm")
    assert record.split(" | ")[5] == shown


def test_one_rep_max_ends_at_twelve_repetitions(app: App, settings: Settings) -> None:
    app.performed(app.workout(app.user("ann"), "2026-11-16"), 1, "[12, 13]", "[100, 200]")
    (record,) = records(settings, "estimated_1rm")
    assert record.split(" | ")[3:6] == ["12", "100", "140.00"]


def test_ties_go_to_the_earliest_then_the_lowest(app: App, settings: Settings) -> None:
    ann = app.user("ann")
    late, early, same = (app.workout(ann, f"2026-11-{day}") for day in (17, 16, 16))
    for workout in (late, same, early, early):
        app.performed(workout, 1, "[5, 5]", "[100, 100]")
    holder = f"{early} | 2026-11-16 00:00:00+00 | 3 | 1"
    for kind in ("heaviest_weight", "heaviest_weight:5", "estimated_1rm", "set_reps"):
        (record,) = records(settings, kind)
        assert record.endswith(holder)


def test_volume_of_a_workout_may_be_negative(app: App, settings: Settings) -> None:
    app.performed(app.workout(app.user("ann"), "2026-11-16"), 1, "[5, 0]", "[-20, -1000]")
    (record,) = records(settings, "workout_volume")
    assert record.split(" | ")[5] == "-100"
    assert records(settings, "heaviest_weight") == []


def test_volume_of_a_workout_takes_its_rows_together(app: App, settings: Settings) -> None:
    ann = app.user("ann")
    twice, once = (app.workout(ann, f"2026-11-{day}") for day in (16, 17))
    for workout, weight in ((twice, 60), (twice, 60), (once, 100)):
        app.performed(workout, 1, "[1]", f"[{weight}]")
    (record,) = records(settings, "workout_volume")
    assert record.split(" | ")[5:7] == ["120", str(twice)]


def test_a_row_without_its_exercise_counts_as_unknown(
    app: App, settings: Settings, ann: int
) -> None:
    app.run("ALTER TABLE workouts_performedexercise"
            " DROP CONSTRAINT workouts_performedexercise_exercise_id_fk_exercise_id")  # fmt: skip
    app.run("DELETE FROM exercise WHERE id = 1")
    found = differences(settings, [ann])
    assert ("volume_by_muscle_group.unknown", "1740.00") in [
        (each.column, each.expected) for each in found
    ]


def test_other_users_are_left_out(app: App, settings: Settings, ann: int) -> None:
    app.workout(app.user("bob"), "2026-11-16")
    assert differences(settings, [ann]) == []
    assert differences(settings) != []


def test_a_sample_is_of_both_sides(
    app: App, settings: Settings, read_store: ReadStore, ann: int
) -> None:
    bob = app.user("bob")
    app.workout(bob, "2026-11-16")
    read_store.week(99, 2026, 1)
    assert sample_users(settings, 100) == [ann, bob, 99]
    assert len(sample_users(settings, 1)) == 1


def test_the_apps_own_stats_are_compared_in_the_columns_they_have(
    app: App, settings: Settings, ann: int
) -> None:
    app.run("CREATE TABLE stats (id int, total_volume int, user_id int, year int, week int)")
    app.run("INSERT INTO stats VALUES (1, 1740, %s, 2020, 53), (2, 5, %s, 2021, 1)", ann, ann)
    first, *others = verify_against(settings, "public.stats", None, Counter())
    assert (first.key["year"], first.expected, others) == ("2021", None, [])
    app.run("UPDATE stats SET total_volume = 1 WHERE id = 1")
    first, _ = verify_against(settings, "stats", None, Counter())
    assert (first.column, first.expected, first.found) == ("total_volume", "1740.00", "1")


def test_a_table_that_is_no_weekly_stats_is_refused(settings: Settings) -> None:
    with pytest.raises(TonnageError, match="auth_user has no column user_id, year, week"):
        list(verify_against(settings, "auth_user", None, Counter()))


def test_the_command_prints_differences_and_exits_1(
    settings: Settings, read_store: ReadStore, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONNAGE_HOME", str(settings.home))
    monkeypatch.setenv("TONNAGE_TIMEZONE", settings.timezone)
    monkeypatch.setenv("TONNAGE_SOURCE_DSN", settings.need("source_dsn"))
    monkeypatch.setenv("TONNAGE_READ_STORE_DSN", settings.need("read_store_dsn"))
    register(command_line := typer.Typer())
    right = CliRunner().invoke(command_line, ["--no-wait"])
    assert (right.exit_code, right.stdout) == (0, (
        "No differences; all users, compared:"
        " 1 weekly_stats, 1 workouts, 2 exercises, 8 personal_records, 1 quarantine\n"
    ))  # fmt: skip
    read_store.execute(f"UPDATE {SERVED}.weekly_stats SET total_volume = %s", [Decimal("1740.01")])
    wrong = CliRunner().invoke(command_line, ["--no-wait", "--json", "--user", str(ann)])
    assert wrong.exit_code == 1
    (difference,) = json.loads(wrong.stdout)["differences"]
    assert (difference["column"], difference["found"]) == ("total_volume", "1740.01")
