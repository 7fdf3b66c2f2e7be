"""What a benchmark finds: a ratio of two measures that were taken side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is held against.

    Attributes:
        must: the ratio that must be reached; None where the figure is only reported.
        better: whether more or less of the ratio is better.
        peer: what it is a ratio to.
    """

    must: float | None
    better: Better
    peer: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio, ours to the peer's, with the medians that it is made of.

    Attributes:
        median: of our measures, in `unit`.
        spread: largest less smallest of the rounds' ratios, as a share of the ratio.
        peer_median: of the peer's measures, in the same unit.
    """

    name: str
    ratio: float
    must: float | None
    better: Better
    median: float
    spread: float
    peer: str
    peer_median: float
    unit: str
    command: str

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is as good as it must be; None where nothing is demanded."""
        if self.must is None:
            return None
        return self.ratio >= self.must if self.better == "higher" else self.ratio <= self.must

    def as_json(self) -> dict[str, Any]:
        """Return the figure as `tonnage bench --json` lists it."""
        rounded = {name: _significant(value) for name, value in asdict(self).items()}
        return {**rounded, "reached": self.reached}


Sides = tuple[Sequence[float], Sequence[float]]
"""Our measures and the peer's, one of each for every round."""


def compare(
    name: str,
    target: Target,
    sides: Sides,
    unit: str,
    *,
    bench: str,
) -> Figure:
    """Make a figure of measures that were taken in turn: the n-th of ours beside the n-th peer's.

    The ratio is the median of the rounds' ratios, so that what slows one round slows both sides
    of it. Raises ValueError where there is not one measure of each for every round.
    """
    ours, peers = sides
    ratios = [our / peer for our, peer in zip(ours, peers, strict=True)]
    ratio = median(ratios)
    return Figure(
        name=name,
        ratio=ratio,
        must=target.must,
        better=target.better,
        median=median(ours),
        spread=(max(ratios) - min(ratios)) / ratio if ratio else 0.0,
        peer=target.peer,
        peer_median=median(peers),
        unit=unit,
        command=f"tonnage bench {bench}",
    )


def percentile(measures: Sequence[float], percent: float) -> float:
    """Return the smallest measure that so many percent of them do not exceed (nearest rank)."""
    ordered = sorted(measures)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


def _significant(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
