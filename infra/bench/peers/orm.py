"""What an app does without Tonnage, in Django: compute on read, signals, a recalculating command.

The models are those of the app whose tables are captured. A table of its own holds what signals
keep; `TRIGGER` does in the database what `kept_by_signals` does in the app.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import django
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

Groups = dict[str, Decimal]
"""Volume by muscle group."""


def know(name: str, dsn: str) -> None:
    """Let Django use a database by a name."""
    parts = conninfo_to_dict(dsn)
    fields = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    database = {key: parts[field] for key, field in fields.items()}
    database |= {"ENGINE": "django.db.backends.postgresql", "PORT": parts["port"]}
    if not settings.configured:
        settings.configure(DATABASES={"default": database}, USE_TZ=True, TIME_ZONE="UTC")
        django.setup()
    connections.databases[name] = {**connections.databases["default"], **database}


def models() -> Any:
    """Return the module of the app's models; Django must know a database before it is imported."""
    from infra.bench.peers import orm_models  # noqa: PLC0415

    return orm_models


def weekly_volume(database: str, user_id: int, since: datetime) -> list[dict[str, Any]]:
    """Compute the weekly volumes on read: fetch all workouts with their exercises, and loop."""
    weeks: dict[tuple[int, int], list[Decimal]] = defaultdict(list)
    for workout in _workouts(database, user_id, since, None):
        year, week, _ = workout.date.isocalendar()
        weeks[year, week].append(_volume(workout))
    return [
        {
            "week": f"{year}-W{week:02}",
            "totalVolume": float(sum(volumes, Decimal(0))),
            "workoutCount": len(volumes),
            "avgVolumePerWorkout": float(round(sum(volumes, Decimal(0)) / len(volumes), 2)),
        }
        for (year, week), volumes in sorted(weeks.items())
    ]


def kept_weekly_volume(database: str, user_id: int, since: datetime) -> list[dict[str, Any]]:
    """Read the weekly volumes from the table that signals keep."""
    year, week, _ = since.isocalendar()
    rows = models().KeptWeek.objects.using(database).filter(user_id=user_id, year__gte=year)
    return [
        {"week": f"{row.year}-W{row.week:02}", "totalVolume": float(row.total_volume)}
        for row in rows.order_by("year", "week")
        if (row.year, row.week) >= (year, week)
    ]


def recalculate(database: str, user_id: int) -> int:
    """Recalculate all of a user's weeks one after another; return how many rows that read."""
    dates = models().Workout.objects.using(database).filter(user_id=user_id)
    first, last = dates.earliest("date").date, dates.latest("date").date
    monday = _monday(first)
    rows = 0
    while monday <= last:
        rows += recalculate_week(database, user_id, monday)
        monday += timedelta(weeks=1)
    return rows


def recalculate_week(database: str, user_id: int, moment: datetime) -> int:
    """Recalculate the week of a moment, and keep it; return how many rows that read."""
    monday = _monday(moment)
    rows, count, groups = 0, 0, defaultdict[str, Decimal](Decimal)
    for workout in _workouts(database, user_id, monday, monday + timedelta(weeks=1)):
        rows, count = rows + 1, count + 1
        for performed in workout.performed.all():
            rows += 1
            groups[performed.exercise.muscle_group] += _of_sets(performed)
    year, week, _ = monday.isocalendar()
    models().KeptWeek.objects.using(database).update_or_create(
        user_id=user_id,
        year=year,
        week=week,
        defaults={
            "total_volume": sum(groups.values(), Decimal(0)),
            "workout_count": count,
            "volume_by_muscle_group": {name: float(volume) for name, volume in groups.items()},
        },
    )
    return rows


def save_workout(database: str, user_id: int, exercises: Iterable[int]) -> None:
    """Save a workout as the app does: the workout, then each exercise, each by itself."""
    known = models()
    workout = known.Workout(user_id=user_id, date=datetime.now(UTC), name="push", total_volume=1740)
    workout.save(using=database)
    for exercise_id in exercises:
        performed = known.Performed(
            workout=workout,
            exercise_id=exercise_id,
            sets=3,
            reps_per_set=[10, 8, 8],
            weights_per_set=[100, 92.5, 90],
        )
        performed.save(using=database)


@contextmanager
def kept_by_signals() -> Iterator[None]:
    """Let each save recalculate its week, as an app does with signals."""
    from django.db.models.signals import post_save  # noqa: PLC0415

    known = models()

    def saved(sender: object, instance: Any, using: str, **_: object) -> None:
        workout = instance if sender is known.Workout else instance.workout
        recalculate_week(using, workout.user_id, workout.date)

    for model in (known.Workout, known.Performed):
        post_save.connect(saved, sender=model)
    try:
        yield
    finally:
        for model in (known.Workout, known.Performed):
            post_save.disconnect(saved, sender=model)


def _workouts(database: str, user_id: int, since: datetime, until: datetime | None) -> Any:
    found = models().Workout.objects.using(database).filter(user_id=user_id, date__gte=since)
    if until is not None:
        found = found.filter(date__lt=until)
    return found.prefetch_related("performed__exercise")


def _volume(workout: Any) -> Decimal:
    return sum((_of_sets(performed) for performed in workout.performed.all()), Decimal(0))


def _of_sets(performed: Any) -> Decimal:
    pairs = zip(performed.reps_per_set, performed.weights_per_set or (), strict=False)
    return sum((Decimal(str(w)) * reps for reps, w in pairs if w is not None), Decimal(0))


def _monday(moment: datetime) -> datetime:
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


KEPT = """
CREATE TABLE IF NOT EXISTS kept_week (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    user_id integer NOT NULL,
    year integer NOT NULL,
    week integer NOT NULL,
    total_volume numeric NOT NULL,
    workout_count integer NOT NULL,
    volume_by_muscle_group jsonb NOT NULL,
    UNIQUE (user_id, year, week)
)
"""

TRIGGER = """
CREATE OR REPLACE FUNCTION keep_week() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed workouts_workout;
BEGIN
    SELECT * INTO changed FROM workouts_workout WHERE id = NEW.workout_id;
    INSERT INTO kept_week AS held (user_id, year, week, total_volume, workout_count,
                                   volume_by_muscle_group)
    SELECT changed.user_id, extract(isoyear FROM changed.date), extract(week FROM changed.date),
           coalesce(sum(volume), 0), (SELECT count(*) FROM workouts_workout w
                                      WHERE w.user_id = changed.user_id
                                        AND date_trunc('week', w.date, 'UTC')
                                            = date_trunc('week', changed.date, 'UTC')),
           coalesce(jsonb_object_agg(muscle_group, volume), '{}')
    FROM (SELECT e.muscle_group, coalesce(sum(s.reps::numeric * s.weight::numeric), 0) AS volume
          FROM workouts_workout w
          JOIN workouts_performedexercise p ON p.workout_id = w.id
          JOIN exercise e ON e.id = p.exercise_id
          LEFT JOIN LATERAL ROWS FROM (jsonb_array_elements_text(p.reps_per_set),
                                       jsonb_array_elements_text(p.weights_per_set))
              AS s (reps, weight) ON true
          WHERE w.user_id = changed.user_id
            AND w.date >= date_trunc('week', changed.date, 'UTC')
            AND w.date < date_trunc('week', changed.date, 'UTC') + interval '1 week'
          GROUP BY e.muscle_group) AS by_group
    ON CONFLICT (user_id, year, week) DO UPDATE
    SET total_volume = EXCLUDED.total_volume, workout_count = EXCLUDED.workout_count,
        volume_by_muscle_group = EXCLUDED.volume_by_muscle_group;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER keep_week AFTER INSERT ON workouts_performedexercise
FOR EACH ROW EXECUTE FUNCTION keep_week();
"""
NO_TRIGGER = "DROP TRIGGER IF EXISTS keep_week ON workouts_performedexercise"
