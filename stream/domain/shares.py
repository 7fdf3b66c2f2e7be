"""Averages and percentages, as people read them: divided once, rounded half-even once.

A quotient is taken to 120 digits before it is rounded. That is further than the figures can
come to a tie without being one (weights of 30 digits, totals below 10^20, counts below
10^20), so the rounding is that of the exact quotient.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from stream.domain.exact import EXACT, ZERO, plain

_DIVISION = Context(prec=120, rounding=ROUND_HALF_EVEN)
_HUNDREDTH = Decimal("0.01")
_TENTH = Decimal("0.1")


def average(total: Decimal, count: int) -> Decimal:
    """Return total / count to 2 places; 0 where nothing was counted."""
    if not count:
        return ZERO
    return _shown(_DIVISION.divide(total, Decimal(count)), _HUNDREDTH)


def percentage(part: Decimal, total: Decimal) -> Decimal:
    """Return 100 × part / total to 1 place; 0 where the total is 0."""
    if not total:
        return ZERO
    return _shown(_DIVISION.divide(_DIVISION.scaleb(part, 2), total), _TENTH)


def change(now: Decimal, before: Decimal) -> Decimal | None:
    """Return by how many percent a volume has changed, to 1 place; None against no volume."""
    return percentage(EXACT.subtract(now, before), before) if before > 0 else None


def share(exact: Fraction) -> Decimal:
    """Return an exact share (0…1) to 4 places."""
    return plain(Decimal(round(exact * 10_000)).scaleb(-4, context=_DIVISION))


def _shown(value: Decimal, step: Decimal) -> Decimal:
    return plain(value.quantize(step, context=_DIVISION))
