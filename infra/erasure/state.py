"""What a step's state holds of a row: a deleted one leaves its offsets and ids, and no values.

Ids are those of rows, and of the records that a row once held: an exercise and a repetition
count, as in the keys of the records' topic.
"""

from __future__ import annotations

import msgspec

from stream.steps.aggregate_batch import ExerciseState
from stream.steps.assemble import WorkoutState
from stream.steps.keys import place_of_week
from stream.steps.route_state import decode_exercise, decode_performed, decode_workout
from stream.steps.week_state import decode_week

_VERSION_BYTES = 8

_decode_assembled = msgspec.msgpack.Decoder(WorkoutState).decode
_decode_grouped = msgspec.msgpack.Decoder(ExerciseState).decode


def holds_values(step: str, key: bytes, stored: bytes) -> bool:
    """Tell whether a step's state of a key, behind its version, holds values of a row."""
    value = stored[_VERSION_BYTES:]
    if step == "route":
        return _route(key, value)
    if step == "assemble":
        held = _decode_assembled(value)
        return held.live or any(each.row is not None for each in held.performed.values())
    if place_of_week(key) is None:
        return _decode_grouped(value).row is not None
    return any(True for _ in decode_week(value).live())


def _route(key: bytes, value: bytes) -> bool:
    if key[:1] == b"p":
        performed = decode_performed(value)
        return performed.columns is not None or performed.event is not None
    if key[:1] == b"x":
        exercise = decode_exercise(value)
        return exercise.row is not None or exercise.event is not None
    return decode_workout(value).event is not None


def users_of_workout(stored: bytes) -> set[int]:
    """Return the users in whose weeks an assembled workout counts, or once did."""
    held = _decode_assembled(stored[_VERSION_BYTES:])
    row = held.workout.row if held.workout is not None else None
    return {place.user_id for place in held.places} | ({row.user_id} if row is not None else set())


def workouts_of_performed(stored: bytes) -> tuple[set[int], int | None]:
    """Return every workout that a performed exercise was in, and the one that it is in."""
    held = decode_performed(stored[_VERSION_BYTES:])
    return {*held.workouts}, held.columns.workout_id if held.columns is not None else None
