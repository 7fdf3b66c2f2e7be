from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from api.security import make_token
from infra.services.part import TONNAGE
from tests.integration.conftest import Api, ReadStore


@pytest.fixture
def trained(read_store: ReadStore) -> None:
    figures = {"volume_by_muscle_group": {"chest": 1500, "legs": 240.5}, "quarantined": 2}
    read_store.week(1, 2026, 46, total_volume=Decimal("1740.5"), workout_count=2, **figures)
    read_store.insert("exercises", exercise_id=7, name="[Squat]", muscle_group="legs")
    for reps in range(1, 1204):
        read_store.insert(
            "personal_records", user_id=1, exercise_id=7, kind=f"heaviest_weight:{reps}",
            reps=reps, weight=Decimal("92.5"), value=Decimal("92.5"), workout_id=4,
            date=datetime(2026, 11, 2, tzinfo=UTC), performed_exercise_id=9, set_number=2,
        )  # fmt: skip


def tonnage(api: Api, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "TONNAGE_HOME": str(home),
        "TONNAGE_API_URL": str(api.http.base_url),
        "TONNAGE_API_ADMIN_TOKEN": make_token(api.settings, None, admin=True),
        "COLUMNS": "120",
    }
    return subprocess.run(
        [TONNAGE, *words],
        env={**os.environ, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.usefixtures("trained")
def test_weeks_are_a_table_a_chart_and_shares(api: Api, tmp_path: Path) -> None:
    span = ("--start", "2026-W45", "--end", "2026-W47")
    done = tonnage(api, tmp_path, "weeks", "--user", "1", *span)
    assert done.returncode == 0, done.stderr
    for shown in ("2026-W45", "1,740.5", "870.2", "█", "chest", "86.2", "2 rows are left out"):
        assert shown in done.stdout


@pytest.mark.usefixtures("trained")
def test_as_json_it_is_what_the_api_answers(api: Api, tmp_path: Path) -> None:
    done = tonnage(api, tmp_path, "weeks", "--user", "1", "--start", "2026-W46", "--json")
    answer = json.loads(done.stdout)
    asked = api.data("/v1/users/1/weekly-volume?start=2026-W46&fill=zero")
    assert answer["weekly_volumes"] == asked["weekly_volumes"]
    assert answer["meta"]["quarantined"] == 2


@pytest.mark.usefixtures("trained")
def test_records_of_every_page(api: Api, tmp_path: Path) -> None:
    done = tonnage(api, tmp_path, "records", "--user", "1", "--json")
    assert len(json.loads(done.stdout)["records"]) == 1203
    shown = tonnage(api, tmp_path, "records", "--user", "1", "--exercise", "7").stdout
    assert "[Squat]" in shown
    assert "1203 × 92.5" in shown
    assert "epley" in shown


@pytest.mark.usefixtures("trained")
def test_balance(api: Api, tmp_path: Path) -> None:
    done = tonnage(api, tmp_path, "balance", "--user", "1", "--weeks", "4")
    assert done.returncode == 0, done.stderr
    for shown in ("chest", "86.2", "ok", "last 2 of 4 weeks"):
        assert shown in done.stdout


def test_what_is_wrong_is_one_line(api: Api, tmp_path: Path) -> None:
    refused = tonnage(api, tmp_path, "records", "--user", "1", "--at", "yesterday")
    assert refused.returncode == 1
    assert "is not a date" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert tonnage(api, tmp_path, "weeks").returncode == 2
