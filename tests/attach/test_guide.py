"""The guide's own commands and code, on a Django project with other names and a restricted role."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from infra import ports
from infra.home import Home
from infra.stack import down
from tests.attach.guide import Block, blocks
from tests.attach.gym import OWNER, Project, own_database
from tests.conftest import tonnage

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

PATIENCE = 120
APP = """
import json, django, os
os.environ["DJANGO_SETTINGS_MODULE"] = "gym.settings"
django.setup()
"""
HISTORY = (
    APP
    + """
from datetime import datetime, UTC
from django.contrib.auth.models import User
from training.models import *
lifter = User.objects.create(username="lifter")
squat = Movement.objects.create(title="Squat", body_part="legs")
trained = Training.objects.create(
    athlete=lifter, label="Legs", started_at=datetime(2026, 3, 4, 10, tzinfo=UTC)
)
Entry.objects.create(training=trained, movement=squat, repetitions=[10, 8], loads=[100, 92.5])
print(lifter.pk)
"""
)
OWN_WEEKS = (
    APP
    + """
from analytics.models import WeeklyStats
print(json.dumps([
    [each.user_id, each.year, each.week, str(each.total_volume), each.volume_by_muscle_group]
    for each in WeeklyStats.objects.order_by("user_id", "year", "week")
]))
"""
)


@pytest.fixture(scope="module")
def primary() -> Iterator[str]:
    """The superuser's address of a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="tonnage-primary-"))
    try:
        done = tonnage(folder, "up", "--only", "primary")
        assert done.returncode == 0, done.stderr
        yield Home.at(folder).read("stack.json")["source_dsn"]
    finally:
        down(Home.at(folder), purge=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def project(primary: str) -> Iterator[Project]:
    """The project as it was before anybody read the guide."""
    folder = Path(tempfile.mkdtemp(prefix="tonnage-gym-"))
    home = folder / ".tonnage"
    variables = {
        "OWNER_DSN": own_database(primary),
        "TONNAGE_HOME": str(home),
        "TONNAGE_API_PORT": str(ports.choose("api", None, 0, None)),
    }
    project = Project.start(folder, variables)
    try:
        yield project
    finally:
        project.stop()
        down(Home.at(home), purge=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def lifter(project: Project) -> int:
    """A person of the app with a workout of 1740, from before."""
    return int(project.python(HISTORY))


@pytest.fixture(scope="module")
def followed(project: Project, lifter: int) -> dict[str, str]:
    """Follow the guide from its beginning up to `Back out`; give what each block printed."""
    assert lifter == 1, "the guide looks at user 1"
    printed = {}
    for number, block in enumerate(blocks()):
        if block.name in {"back-out", "compare"} or block.language not in {"sh", "python"}:
            continue
        if block.name == "run":
            project.follow(block)
            served(project)
        else:
            printed[block.name or f"block {number}"] = project.follow(block)
    return printed


def served(project: Project) -> None:
    """Wait until the API would answer right."""
    url = f"http://127.0.0.1:{project.variables['TONNAGE_API_PORT']}/readyz"
    Retrying(
        retry=retry_if_exception_type(httpx.HTTPError),
        stop=stop_after_delay(PATIENCE),
        wait=wait_fixed(0.2),
        reraise=True,
    )(lambda: httpx.get(url).raise_for_status())


def named(name: str) -> Block:
    (found,) = (each for each in blocks() if each.name == name)
    return found


def week(project: Project, **asked: str) -> dict[str, Any]:
    """Ask the API with a token of the app's own."""
    token = project.ask("lifter", "get", "/token/")["token"]
    answer = httpx.get(
        f"http://127.0.0.1:{project.variables['TONNAGE_API_PORT']}/v1/users/me/weekly-volume",
        params={"start": "2026-W10", "end": "2026-W10", **asked},
        headers={"Authorization": f"Bearer {token}"},
    )
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def test_the_weeks_are_served(followed: dict[str, str]) -> None:
    weeks = [json.loads(each) for each in followed.values() if each.startswith('{"weekly_volumes"')]
    assert [each["totalVolume"] for each in weeks[0]["weekly_volumes"]] == [1740]
    assert [each["week"] for each in weeks[0]["weekly_volumes"]] == ["2026-W10"]


def test_the_captures_role_may_do_little(
    followed: dict[str, str], project: Project, primary: str
) -> None:
    del followed
    with psycopg.connect(primary.rsplit("/", 1)[0] + "/gym") as admin:
        assert admin.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
            " FROM pg_roles WHERE rolname = 'tonnage_capture'"
        ).fetchone() == (False, False, False, False, True)
        assert admin.execute(
            "SELECT rolname FROM pg_publication JOIN pg_roles ON pg_roles.oid = pubowner"
        ).fetchall() == [(OWNER,)]
    with psycopg.connect(project.variables["TONNAGE_SOURCE_DSN"], autocommit=True) as capture:
        for statement in (
            "DELETE FROM training_entry",
            "SELECT FROM auth_user",
            "CREATE TABLE public.mine (id integer)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                capture.execute(statement.encode())


def test_the_app_reads_its_weeks_as_a_model(followed: dict[str, str], project: Project) -> None:
    del followed
    weeks = json.loads(project.python(OWN_WEEKS))
    assert [(*each[:3], float(each[3]), each[4]) for each in weeks] == [
        (1, 2026, 10, 1740.0, {"legs": 1740})
    ]


def test_the_app_writes_no_weeks(followed: dict[str, str], project: Project) -> None:
    del followed
    refused = APP + (
        "from analytics.models import WeeklyStats\n"
        "try:\n    WeeklyStats(user_id=1, year=2026, week=1).save(force_insert=True)\n"
        "except TypeError as error:\n    print(error)\n"
    )
    assert "weekly stats follow from workouts" in project.python(refused)


def test_a_save_is_in_the_answer_that_waits_for_it(
    followed: dict[str, str], project: Project
) -> None:
    del followed
    sent = {
        "started_at": "2026-03-05T10:00:00Z",
        "label": "More legs",
        "entries": [{"movement_id": 1, "repetitions": [1], "loads": [260]}],
    }
    saved = project.ask("lifter", "post", "/workouts/", sent)
    answer = week(project, min_lsn=saved["lsn"])
    assert answer["meta"]["stale"] is False
    assert [each["totalVolume"] for each in answer["weekly_volumes"]] == [2000]


def test_the_apps_own_figures_are_compared(followed: dict[str, str], project: Project) -> None:
    del followed
    assert "No differences" in project.follow(named("compare"))
    with psycopg.connect(project.variables["OWNER_DSN"], autocommit=True) as owner:
        owner.execute("UPDATE training_weektotal SET total_volume = total_volume + 1")
    with pytest.raises(AssertionError, match="total_volume"):
        project.follow(named("compare"))


def test_backing_out_leaves_nothing(followed: dict[str, str], project: Project) -> None:
    """The last test: it ends what the others use."""
    del followed
    project.stop()
    home = Home.at(Path(project.variables["TONNAGE_HOME"]))
    project.variables["CONNECT_URL"] = home.read("stack.json")["connect_url"]
    project.follow(named("back-out"))
    with psycopg.connect(project.variables["OWNER_DSN"]) as owner:
        for left in (
            "SELECT slot_name FROM pg_replication_slots",
            "SELECT pubname FROM pg_publication",
            "SELECT rolname FROM pg_roles WHERE rolname = 'tonnage_capture'",
            "SELECT nspname FROM pg_namespace WHERE nspname = 'tonnage'",
        ):
            assert owner.execute(left.encode()).fetchall() == []
        row = owner.execute("SELECT count(*) FROM training_entry").fetchone()
        assert row == (2,)
