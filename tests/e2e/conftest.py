"""One stack for the session; each test has a lifter of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from stream.settings import Settings
from tests.e2e.app import App
from tests.e2e.pipeline import Pipeline


@pytest.fixture
def app(stack: Settings) -> Iterator[App]:
    with psycopg.connect(stack.need("source_dsn"), autocommit=True) as connection:
        yield App(connection)


@pytest.fixture(scope="session")
def pipeline(stack: Settings) -> Iterator[Pipeline]:
    bearer = {"Authorization": f"Bearer {stack.need('api_admin_token')}"}
    with httpx.Client(
        base_url=stack.need("api_url"), headers=bearer, timeout=60, trust_env=False
    ) as http:
        yield Pipeline(stack, http)


@dataclass(frozen=True)
class Lifter:
    """A user with two workouts: 1740 of legs and 400 of chest in 2026-W45, 900 of legs in W46."""

    user: int
    squat: int
    bench: int
    monday: int
    next_week: int
    squats: int
    benches: int
    next_squats: int


@pytest.fixture
def lifter(app: App) -> Lifter:
    user = app.user()
    squat, bench = app.exercise(user, "Squat", "legs"), app.exercise(user, "Bench", "chest")
    monday = app.workout(user, "2026-11-02T18:00Z")
    next_week = app.workout(user, "2026-11-10T18:00Z")
    return Lifter(
        user, squat, bench, monday, next_week,
        squats=app.performed(monday, squat, "[10, 8]", "[100, 92.5]"),
        benches=app.performed(monday, bench, "[5]", "[80]"),
        next_squats=app.performed(next_week, squat, "[9]", "[100]"),
    )  # fmt: skip


@pytest.fixture
def settled(pipeline: Pipeline, lifter: Lifter) -> Lifter:
    """The lifter, seen by the API before anything is done to it."""
    pipeline.settle()
    assert pipeline.volume(lifter.user, "2026-W45") == 2140
    assert pipeline.volume(lifter.user, "2026-W46") == 900
    return lifter
