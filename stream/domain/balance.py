"""How evenly the six muscle groups are trained, and how that has shifted lately."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import msgspec

from stream.domain.exact import total

MUSCLE_GROUPS = ("chest", "back", "shoulders", "arms", "legs", "core")


class Status(StrEnum):
    """A group's recent share of the volume, against its share of the baseline."""

    UNDERTRAINED = "undertrained"
    OK = "ok"
    OVEREMPHASIZED = "overemphasized"


class Shift(msgspec.Struct, frozen=True):
    """A muscle group's exact share (0…1) of the baseline's volume and of the recent volume."""

    baseline: Fraction
    recent: Fraction
    status: Status


def balance_score(volumes: Mapping[str, Decimal]) -> Decimal | None:
    """Return Pielou's evenness of the volume over the six groups, 0…100 to 1 place.

    That is Shannon's entropy of the shares over ln 6 (E. C. Pielou, "The measurement of
    diversity in different types of biological collections", 1966). None where the six groups
    have no volume. A volume below 0 (assistance is a negative weight) is none.
    """
    lifted = [volume for group in MUSCLE_GROUPS if (volume := volumes.get(group, 0)) > 0]
    if not lifted:
        return None
    whole = total(Decimal(volume) for volume in lifted)
    shares = [float(volume / whole) for volume in lifted]
    entropy = math.fsum(-share * math.log(share) for share in shares if share > 0)
    evenness = min(100.0, abs(100 * entropy / math.log(len(MUSCLE_GROUPS))))
    return Decimal(str(round(evenness, 1)))


def balance(
    baseline: Mapping[str, Decimal], recent: Mapping[str, Decimal], threshold: Decimal
) -> dict[str, Shift]:
    """Compare each group's share of the recent volume with its share of the baseline's.

    A share is of the six groups' volume, 0 where that is 0. The comparison is strict and
    exact: a recent share at the very threshold is `ok`.
    """
    before, after, margin = _shares(baseline), _shares(recent), Fraction(threshold)
    return {
        group: Shift(before[group], after[group], _status(before[group], after[group], margin))
        for group in MUSCLE_GROUPS
    }


def _shares(volumes: Mapping[str, Decimal]) -> dict[str, Fraction]:
    held = {group: Fraction(volumes.get(group, 0)) for group in MUSCLE_GROUPS}
    whole = sum(held.values())
    return {group: volume / whole if whole else Fraction(0) for group, volume in held.items()}


def _status(baseline: Fraction, recent: Fraction, threshold: Fraction) -> Status:
    if recent < baseline * (1 - threshold):
        return Status.UNDERTRAINED
    if recent > baseline * (1 + threshold):
        return Status.OVEREMPHASIZED
    return Status.OK
