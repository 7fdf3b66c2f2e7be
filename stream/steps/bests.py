"""The bests of a user's exercise, derived from the weeks: of each week, year and life.

A maximum has no inverse, so a best that falls is searched again: that of a year in its weeks,
that of a life in its years, at most 53 + the years trained, whatever else the history holds.
What rises, or was not the best above, is carried upwards without a search.
"""

from __future__ import annotations

import msgspec

from stream.domain.records import Best, Bests, bests_of, fallen, raised
from stream.domain.workouts import Place
from stream.steps.keys import (
    life_bests_key,
    week_bests_key,
    week_bests_prefix,
    year_bests_key,
    year_bests_prefix,
)
from stream.steps.step import State

__all__ = ["Tree", "bests_of"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Best]).decode
_decode_kinds = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_decode_best = msgspec.msgpack.Decoder(Best).decode


class Tree:
    """The bests of a partition in a batch: each is read once, and written once, by `write`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._held: dict[bytes, Bests] = {}
        self._changed: set[bytes] = set()

    def of_life(self, user_id: int, exercise_id: int) -> Bests:
        """Return a user's bests in an exercise."""
        return self._get(life_bests_key(user_id, exercise_id))

    def update(self, place: Place, exercise_id: int, now: Bests) -> None:
        """Put a week's bests in place of what was derived before, and carry them upwards."""
        key = week_bests_key(place, exercise_id)
        before = self._get(key)
        if before == now:
            return
        self._put(key, now)
        year_key = year_bests_key(place, exercise_id)
        year_before = self._get(year_key)
        year = self._above(year_before, week_bests_prefix(place, exercise_id), before, now)
        if year == year_before:
            return
        self._put(year_key, year)
        life_key = life_bests_key(place.user_id, exercise_id)
        years = year_bests_prefix(place.user_id, exercise_id)
        self._put(life_key, self._above(self._get(life_key), years, year_before, year))

    def write(self) -> None:
        """Write what has changed into the state."""
        for key in self._changed:
            bests = self._held[key]
            self._state.put_local(key, _encode(bests) if bests else None)
        self._changed.clear()

    def _above(self, held: Bests, parts: bytes, before: Bests, now: Bests) -> Bests:
        """Return the bests above a part that changed: raised by it, or searched where one fell."""
        lost = fallen(held, before, now)
        if not lost:
            return raised(held, now)
        left = {kind: best for kind, best in held.items() if kind not in lost}
        self.write()
        for _, raw in self._state.scan_local(parts):
            found = _decode_kinds(raw)
            left = raised(left, {kind: _decode_best(found[kind]) for kind in lost & found.keys()})
        return raised(left, now)

    def _get(self, key: bytes) -> Bests:
        held = self._held.get(key)
        if held is None:
            raw = self._state.get_local(key)
            held = self._held[key] = _decode(raw) if raw is not None else {}
        return held

    def _put(self, key: bytes, bests: Bests) -> None:
        self._held[key] = bests
        self._changed.add(key)
