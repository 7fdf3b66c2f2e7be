from __future__ import annotations

import pytest

from api.limits import RateLimit
from api.problems import ProblemError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(limit: RateLimit, caller: int) -> int:
    """Ask until it is refused."""
    for count in range(1000):
        try:
            limit.take(caller)
        except ProblemError:
            return count
    return 1000


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(10, clock)
    assert (taken(limit, 1), taken(limit, 1), taken(limit, 2)) == (10, 0, 10)
    clock.now += 0.35
    assert taken(limit, 1) == 3
    clock.now += 3600
    assert taken(limit, 1) == 10


@pytest.mark.parametrize(("rate", "after"), [(10.0, "1"), (0.25, "4")])
def test_a_refusal_says_when_again(rate: float, after: str) -> None:
    clock = Clock()
    limit = RateLimit(rate, clock)
    taken(limit, 1)
    with pytest.raises(ProblemError, match="requests a second") as refused:
        limit.take(1)
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": after})
    clock.now += int(after)
    limit.take(1)


def test_no_rate_is_no_limit() -> None:
    assert taken(RateLimit(0), 1) == 1000


def test_callers_of_long_ago_are_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(1, clock)
    for caller in range(20_000):
        limit.take(caller)
        clock.now += 0.01
    assert taken(limit, 19_999) == 0
    assert len(limit._held) <= 10_000  # noqa: SLF001 - the memory it takes
