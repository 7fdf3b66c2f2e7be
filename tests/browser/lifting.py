"""A user who has trained for more than a year, up to this week, in the real primary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from stream.domain.weeks import Week
from tests.e2e.app import App

WEEKS = 70
NOT_HTML = "<img src=x onerror=\"document.title='hacked'\">"


@dataclass(frozen=True)
class Lifter:
    """A user, this week's squats (5 × 100 = 500), and which week that is."""

    user: int
    squats: int
    week: str


def lifter_of(app: App) -> Lifter:
    """Add the user, all workouts, and one row that can't be read."""
    chance = Random(7)
    user = app.user()
    lifts = {
        app.exercise(user, name, group): weight
        for name, group, weight in [
            ("Squat", "legs", 90), ("Bench Press", "chest", 60), ("Barbell Row", "back", 55),
            ("Overhead Press", "shoulders", 35), ("Curl", "arms", 20), (NOT_HTML, "core", 10),
        ]
    }  # fmt: skip
    today = datetime.now(UTC).replace(microsecond=0)
    for weeks in range(WEEKS, 0, -1):
        for day in range(chance.choice((0, 1, 2, 2, 3))):
            at = today - timedelta(weeks=weeks, hours=30 * day)
            workout = app.workout(user, at.isoformat(), chance.choice(("Full body", "Strength")))
            for exercise, weight in chance.sample(list(lifts.items()), 3):
                reps = chance.choices(range(4, 11), k=3)
                load = weight * (1 + (WEEKS - weeks) / 200) + chance.randrange(-5, 6)
                app.performed(workout, exercise, f"{reps}", f"{[round(load * 2) / 2] * 3}")
    workout = app.workout(user, today.isoformat(), "Today")
    squat, bench, *_ = lifts
    squats = app.performed(workout, squat, "[5]", "[100]")
    app.performed(workout, bench, '["many"]', "[60]")
    return Lifter(user, squats, str(Week.of(today, UTC)))
