"""The bests of a user's exercise, derived from the weeks: of each week, year and life.

A maximum has no inverse, so a best that falls is searched again: in the weeks of its year and
in the other years, at most 53 + the years trained, whatever else the history holds. A best
that only rises is merged upwards without a search.
"""

from __future__ import annotations

import msgspec

from stream.domain.records import Best, Bests, bests_of, merge
from stream.domain.workouts import Place
from stream.steps.keys import (
    life_bests_key,
    week_bests_key,
    week_bests_prefix,
    year_bests_key,
    year_bests_prefix,
)
from stream.steps.step import State

__all__ = ["bests_of", "of_life", "update"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Best]).decode


def of_life(state: State, user_id: int, exercise_id: int) -> Bests:
    """Return a user's bests in an exercise."""
    return _get(state, life_bests_key(user_id, exercise_id))


def update(state: State, place: Place, exercise_id: int, now: Bests) -> None:
    """Put a week's bests in place of what was derived before, and carry them upwards."""
    key = week_bests_key(place, exercise_id)
    before = _get(state, key)
    if before == now:
        return
    _put(state, key, now)
    year_key = year_bests_key(place, exercise_id)
    year_before = _get(state, year_key)
    year = _above(state, year_before, week_bests_prefix(place, exercise_id), before, now)
    if year == year_before:
        return
    _put(state, year_key, year)
    life_key = life_bests_key(place.user_id, exercise_id)
    years = year_bests_prefix(place.user_id, exercise_id)
    _put(state, life_key, _above(state, _get(state, life_key), years, year_before, year))


def _above(state: State, held: Bests, parts: bytes, before: Bests, now: Bests) -> Bests:
    """Return the bests above a part that changed: by a merge, or anew where it lost one."""
    if merge(before, now) == now:
        return merge(held, now)
    return merge(*(_decode(raw) for _, raw in state.scan_local(parts)))


def _get(state: State, key: bytes) -> Bests:
    raw = state.get_local(key)
    return _decode(raw) if raw is not None else {}


def _put(state: State, key: bytes, bests: Bests) -> None:
    state.put_local(key, _encode(bests) if bests else None)
