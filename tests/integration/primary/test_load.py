from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.commands.load import register
from infra.errors import TonnageError
from infra.load import FileReport, load
from infra.primary import create_app_tables
from stream.settings import Settings, load_settings
from tests.integration.primary.conftest import App

LOGS = sorted(Path(str(files("infra").joinpath("data/logs"))).glob("*.jsonl"))
PUSH = {
    "user": "ann",
    "ts": "2026-07-01T00:30:00",
    "title": "Push",
    "exercises": [
        {"name": "BARBELL SQUAT", "reps": [5, 5, None], "weights": [100, None, 44.092452436975]},
        {"name": "Bench Press (Barbell)", "reps": [8], "weights": [60.50]},
        {"name": "Pull Up", "reps": [8], "weights": [None]},
        {"name": "Cossack dance", "reps": [1], "weights": [10]},
    ],
}
ROWS = """
SELECT e.name, p.sets, p.reps_per_set::text, p.weights_per_set::text
FROM workouts_performedexercise p JOIN exercise e ON e.id = p.exercise_id ORDER BY p.id
"""


def written(tmp_path: Path, *workouts: object) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in workouts))
    return path


def run(settings: Settings, path: Path, user: str | None = None) -> FileReport:
    return load(settings, path, user, lambda _done, _total: None)


def counts(report: FileReport) -> tuple[int, int, int, int]:
    return report.added, report.completed, report.unchanged, report.rows


def test_a_workout_is_stored_as_the_app_would(app: App, settings: Settings, tmp_path: Path) -> None:
    report = run(settings, written(tmp_path, PUSH))
    assert counts(report) == (1, 0, 0, 4)
    assert app.ask(ROWS) == [
        ("Barbell Squat", 3, "[5, 5, 0]", "[100, null, 44.092452436975]"),
        ("Barbell Bench Press - Medium Grip", 1, "[8]", "[60.5]"),
        ("Pullups", 1, "[8]", None),
        ("Cossack dance", 1, "[1]", "[10]"),
    ]
    ((user, date, name, volume),) = app.ask(
        "SELECT user_id, date, name, total_volume FROM workouts_workout"
    )
    assert (user, name, volume) == (report.users["ann"], "Push", 994)
    assert date.isoformat() == "2026-06-30T22:30:00+00:00"


def test_each_row_is_a_transaction_of_its_own(app: App, settings: Settings, tmp_path: Path) -> None:
    run(settings, written(tmp_path, PUSH))
    ids = app.ask(
        "SELECT xmin::text FROM workouts_workout"
        " UNION SELECT xmin::text FROM workouts_performedexercise"
    )
    assert len(ids) == 5


def test_an_unknown_exercise_becomes_the_users_own(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    report = run(settings, written(tmp_path, PUSH, PUSH | {"user": "bob"}))
    own = app.ask(
        "SELECT owner_id, name, muscle_group FROM exercise WHERE is_custom ORDER BY owner_id"
    )
    assert own == [(report.users[each], "Cossack dance", "core") for each in ("ann", "bob")]


def test_a_known_name_without_catalogue_entry_has_its_group(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    run(
        settings,
        written(
            tmp_path,
            PUSH | {"exercises": [{"name": "mEadows Incline DB Lateral Raise", "reps": []}]},
        ),
    )
    assert app.ask("SELECT muscle_group FROM exercise WHERE is_custom") == [("back",)]


def volume(reps: str, weights: str | None) -> Decimal:
    counts, loads = json.loads(reps), json.loads(weights or "[]", parse_float=Decimal)
    pairs = zip_longest(counts, loads)
    return sum(((count or 0) * (load or Decimal(0)) for count, load in pairs), Decimal(0))


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_every_number_of_a_real_log_is_exact(app: App, settings: Settings, path: Path) -> None:
    assert run(settings, path).bad == ()
    logged: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in path.read_text().splitlines():
        workout = json.loads(line, parse_float=str, parse_int=str)
        for each in workout["exercises"]:
            texts = (json.dumps(each[name]).replace('"', "") for name in ("reps", "weights"))
            logged[workout["ts"]] += volume(*texts)
    stored: defaultdict[str, Decimal] = defaultdict(Decimal)
    for time, *lists in app.ask("""
        SELECT to_char(date AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD"T"HH24:MI:SS'),
               reps_per_set::text, weights_per_set::text
        FROM workouts_workout w JOIN workouts_performedexercise p ON p.workout_id = w.id"""):
        stored[time] += volume(*lists)
    assert stored == logged


def test_loading_again_adds_nothing(app: App, settings: Settings) -> None:
    first = [run(settings, path) for path in LOGS]
    again = [run(settings, path) for path in LOGS]
    assert sum(each.rows for each in first) == 4806
    assert [counts(each)[:2] + counts(each)[3:] for each in again] == [(0, 0, 0)] * 4
    assert app.ask("SELECT count(*) FROM workouts_workout") == [(858,)]


def test_equal_workouts_of_one_log_load_once_each(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    path = written(tmp_path, PUSH, PUSH)
    assert [counts(run(settings, path)) for _ in range(2)] == [(2, 0, 0, 8), (0, 0, 2, 0)]
    assert app.ask("SELECT count(*) FROM workouts_performedexercise") == [(8,)]


def test_a_load_that_was_cut_short_is_completed(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    path = written(tmp_path, PUSH)
    run(settings, path)
    before = app.ask(ROWS)
    app.run(
        "DELETE FROM workouts_performedexercise"
        " WHERE id IN (SELECT id FROM workouts_performedexercise ORDER BY id DESC LIMIT 2)"
    )
    assert counts(run(settings, path)) == (0, 1, 0, 2)
    assert app.ask(ROWS) == before


def test_tables_and_columns_may_have_other_names(
    app: App, settings: Settings, tmp_path: Path
) -> None:
    app.run("CREATE SCHEMA gym")
    app.run("ALTER TABLE workouts_workout SET SCHEMA gym")
    app.run("ALTER TABLE workouts_performedexercise SET SCHEMA gym")
    app.run("ALTER TABLE exercise SET SCHEMA gym")
    app.run("ALTER TABLE auth_user SET SCHEMA gym")
    app.run("ALTER TABLE gym.workouts_workout RENAME TO session")
    app.run("ALTER TABLE gym.session RENAME user_id TO owner")
    changed = settings.model_copy(
        update={
            "source_schema": "gym",
            "workout_table": "session",
            "columns": {"workout.user_id": "owner"},
        }
    )
    path = written(tmp_path, PUSH)
    assert [counts(run(changed, path)) for _ in range(2)] == [(1, 0, 0, 4), (0, 0, 1, 0)]


def test_the_apps_tables_can_be_made_again(app: App) -> None:
    create_app_tables(app.dsn)
    assert app.ask("SELECT count(*) FROM exercise") == [(873,)]


def test_the_app_defers_its_foreign_keys(app: App) -> None:
    rules = app.ask(
        "SELECT DISTINCT confdeltype::text, condeferrable, condeferred"
        " FROM pg_constraint WHERE contype = 'f'"
    )
    assert rules == [("a", True, True)]


def test_a_primary_that_is_away_is_one_line(tmp_path: Path) -> None:
    away = load_settings(home=tmp_path, source_dsn="postgresql://ann@127.0.0.1:1/app")
    with pytest.raises(TonnageError, match="into the primary: connection failed") as error:
        run(away, written(tmp_path, PUSH))
    assert "\n" not in str(error.value)


def test_the_command_reports_bad_lines_and_exits_1(
    app: App, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONNAGE_HOME", str(tmp_path))
    monkeypatch.setenv("TONNAGE_SOURCE_DSN", settings.need("source_dsn"))
    path = written(tmp_path, PUSH, {"user": "ann"}, PUSH | {"title": "Pull"})
    register(command_line := typer.Typer())
    result = CliRunner().invoke(command_line, [str(path)])
    assert result.exit_code == 1
    assert f"{path}:2: ts is None, not an ISO 8601 time" in result.stderr
    assert "2 workouts added" in result.stdout
    again = CliRunner().invoke(command_line, [str(path), "--json"])
    assert again.exit_code == 1
    (report,) = json.loads(again.stdout)
    assert (report["unchanged"], report["bad"][0]["line"]) == (2, 2)
    assert app.ask("SELECT count(*) FROM workouts_workout") == [(2,)]
