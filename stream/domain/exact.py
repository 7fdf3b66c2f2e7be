"""Exact decimal arithmetic: no figure of Tonnage ever goes through a binary float.

The context is wide enough for every sum the rules allow (weights of 30 digits times
10,000 repetitions, millions of them) and raises rather than rounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from functools import lru_cache

EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, Overflow])
ZERO = Decimal(0)


def total(values: Iterable[Decimal]) -> Decimal:
    """Add decimals exactly."""
    result = ZERO
    for value in values:
        result = EXACT.add(result, value)
    return result


@lru_cache(maxsize=16384)
def whole(number: int) -> Decimal:
    """Return a whole number as a decimal: the same few come again and again."""
    return Decimal(number)


def plain(value: Decimal) -> Decimal:
    """Return the same number in its plainest form: 1740.00 as 1740, never 1.74E+3."""
    number = int(value)
    return whole(number) if number == value else value.normalize(EXACT)


def rounded(numerator: Decimal, denominator: int, places: int) -> Decimal:
    """Divide exactly, then round half-even once, to so many places."""
    scaled = round(Fraction(numerator) * 10**places / denominator)
    return Decimal(scaled).scaleb(-places, context=EXACT)
