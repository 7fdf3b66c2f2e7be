"""The sets of a performed exercise, and what makes its row a bad one.

Good are: repetitions that are whole numbers 0…10,000; weights that are null or numbers
within ±10,000 of at most 30 digits. One bad element makes the row bad.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain, repeat

import msgspec

from stream.domain.exact import EXACT, ZERO, whole

MAX_REPS = 10_000
MAX_WEIGHT = 10_000
MAX_DIGITS = 30

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_decode_whole = msgspec.json.Decoder(tuple[int, ...]).decode


class BadRowError(ValueError):
    """A row that can't be counted; the message is the reason people read."""


class Sets(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Repetitions of each set, their weights as far as they count, and their volume.

    `weights` may be shorter than `reps`, and does not end in None: equal sets are equal.
    """

    reps: tuple[int, ...]
    weights: tuple[Decimal | None, ...]
    volume: Decimal

    def __iter__(self) -> Iterator[tuple[int, Decimal | None]]:
        """Go through (repetitions, weight) of each set; a missing weight is None."""
        return zip(self.reps, chain(self.weights, repeat(None)), strict=False)


def parse_sets(reps_text: str | None, weights_text: str | None) -> Sets:
    """Read the two JSON lists of a performed exercise. Raises BadRowError with the reason."""
    reps = _good_reps(reps_text) or tuple(_reps(reps_text))
    weights = [*_weights(weights_text)][: len(reps)]
    while weights and weights[-1] is None:
        weights.pop()
    return Sets(reps, tuple(weights), volume(reps, weights))


def volume(reps: Sequence[int], weights: Sequence[Decimal | None]) -> Decimal:
    """Σ repetitions × weight over the pairs, cut to the shorter list; no weight counts 0."""
    result = ZERO
    for count, weight in zip(reps, weights, strict=False):
        if weight is not None:
            result = EXACT.fma(count, weight, result)
    return result


def _read_list(name: str, text: str) -> list[object]:
    try:
        found = _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRowError(f"{name} is not JSON: {error}") from error
    except InvalidOperation as error:
        raise BadRowError(f"{name} holds a number beyond all bounds") from error
    if not isinstance(found, list):
        raise BadRowError(f"{name} is not a list: {_shown(text)}")
    return found


def _good_reps(text: str | None) -> tuple[int, ...]:
    """Read what nearly every row holds, quickly; nothing where it has to be looked at closer."""
    try:
        reps = _decode_whole(text or "[]")
    except (msgspec.DecodeError, RecursionError):
        return ()
    return reps if reps and min(reps) >= 0 and max(reps) <= MAX_REPS else ()


def _reps(text: str | None) -> Iterator[int]:
    if text is None:
        raise BadRowError("reps_per_set is null")
    for value in _read_list("reps_per_set", text):
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise BadRowError(f"reps_per_set holds {_shown(value)}: not a whole number")
        if not 0 <= value <= MAX_REPS:  # before it is made an int: 1e999999999 would take hours
            raise BadRowError(f"reps_per_set holds {_shown(value)}: not within 0…{MAX_REPS}")
        count = int(value)
        if count != value:
            raise BadRowError(f"reps_per_set holds {_shown(value)}: not a whole number")
        yield count


def _weights(text: str | None) -> Iterator[Decimal | None]:
    if text is None or text.strip() == "null":
        return
    may_be_long = len(text) > MAX_DIGITS or "e" in text or "E" in text
    for value in _read_list("weights_per_set", text):
        if value is None:
            yield None
            continue
        if type(value) is int:
            weight = whole(value)
        elif type(value) is Decimal:
            weight = value
        else:
            raise BadRowError(f"weights_per_set holds {_shown(value)}: not a number")
        if not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
            raise BadRowError(f"weights_per_set holds {_shown(value)}: not within ±{MAX_WEIGHT}")
        if may_be_long and digits(weight) > MAX_DIGITS:
            raise BadRowError(f"weights_per_set holds {_shown(value)}: over {MAX_DIGITS} digits")
        yield weight


def digits(value: Decimal) -> int:
    """Count the digits of a number written out in full: 0.05 has 3, 100 has 3."""
    _, coefficient, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - JSON has no NaN and no infinity
    places = max(-exponent, 0)
    return max(len(coefficient) + max(exponent, 0), places + 1)


def _shown(value: object) -> str:
    text = str(value).replace("\x00", "\ufffd")  # which no read store can hold
    return text if len(text) <= 40 else text[:37] + "…"
