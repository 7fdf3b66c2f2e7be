"""Keys of the aggregate's state: big-endian, so that a scan by prefix is a scan by owner.

`w` weeks and `x` exercises are in the changelog; the rest is derived: `i` the weeks of an
exercise, and the bests of a user's exercise in a week `k`, a year `y`, a life `l`.
"""

from __future__ import annotations

from struct import Struct

from stream.domain.workouts import Place

_week = Struct(">cqhB")
_exercise = Struct(">cq")
_index = Struct(">cqqhB")
_year = Struct(">cqqh")
_life = Struct(">cqq")


def week_key(place: Place) -> bytes:
    """Key of a user's week."""
    return _week.pack(b"w", place.user_id, place.year, place.week)


def place_of_week(key: bytes) -> Place | None:
    """Return the place of a week's key; None for a key of another kind."""
    if key[:1] != b"w":
        return None
    _, user_id, year, week = _week.unpack(key)
    return Place(user_id, year, week)


def exercise_key(exercise_id: int) -> bytes:
    """Key of an exercise."""
    return _exercise.pack(b"x", exercise_id)


def index_key(exercise_id: int, place: Place) -> bytes:
    """Key that says: this exercise counts in that week."""
    return _index.pack(b"i", exercise_id, place.user_id, place.year, place.week)


def index_prefix(exercise_id: int) -> bytes:
    """Prefix of all weeks of an exercise."""
    return _exercise.pack(b"i", exercise_id)


def place_of_index(key: bytes) -> Place:
    """Return the week that an index key names."""
    _, _, user_id, year, week = _index.unpack(key)
    return Place(user_id, year, week)


def week_bests_key(place: Place, exercise_id: int) -> bytes:
    """Key of an exercise's bests in a user's week."""
    return _index.pack(b"k", place.user_id, exercise_id, place.year, place.week)


def week_bests_prefix(place: Place, exercise_id: int) -> bytes:
    """Prefix of an exercise's bests in the weeks of a user's year."""
    return _year.pack(b"k", place.user_id, exercise_id, place.year)


def year_bests_key(place: Place, exercise_id: int) -> bytes:
    """Key of an exercise's bests in a user's year."""
    return _year.pack(b"y", place.user_id, exercise_id, place.year)


def year_bests_prefix(user_id: int, exercise_id: int) -> bytes:
    """Prefix of an exercise's bests in a user's years."""
    return _life.pack(b"y", user_id, exercise_id)


def life_bests_key(user_id: int, exercise_id: int) -> bytes:
    """Key of a user's bests in an exercise."""
    return _life.pack(b"l", user_id, exercise_id)
