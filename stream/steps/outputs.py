"""Values of the output topics, made of what the steps hold."""

from __future__ import annotations

import msgspec

from stream.cdc.lsn import format_lsn
from stream.domain.published import AsOf, RecordKey, RecordValue, WeekValue
from stream.domain.records import Best
from stream.domain.weekly_stats import WeeklyStats
from stream.domain.weeks import iso_utc
from stream.domain.workouts import Origin, Place

encode_value = msgspec.json.Encoder(decimal_format="number").encode
encode_key = msgspec.json.Encoder().encode


def as_of(origin: Origin) -> AsOf:
    """Return an origin as people read it."""
    return AsOf(iso_utc(origin.time_us), format_lsn(origin.lsn) if origin.lsn else None)


def week_value(place: Place, stats: WeeklyStats, created_us: int, origin: Origin) -> WeekValue:
    """Return a week's figures with whose and which week it is.

    What comes last need not have been committed last: topics of different tables overtake each
    other.
    """
    return WeekValue(
        user_id=place.user_id,
        year=place.year,
        week=str(place.iso_week),
        **msgspec.structs.asdict(stats),
        created_at=iso_utc(created_us),
        updated_at=iso_utc(max(created_us, origin.time_us)),
        as_of=as_of(origin),
    )


def record_value(key: RecordKey, best: Best, origin: Origin) -> RecordValue:
    """Return a record with its evidence."""
    _, _, number = key.kind.partition(":")
    return RecordValue(
        user_id=key.user_id,
        exercise_id=key.exercise_id,
        kind=key.kind,
        value=best.value(key.kind),
        reps=int(number) if number else best.reps,
        weight=best.weight,
        workout_id=best.workout_id,
        date=iso_utc(best.date_us),
        performed_exercise_id=best.performed_id,
        set=best.set_number,
        as_of=as_of(origin),
    )
