"""Waiting on a condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Return what is found, once it is; fail and say what did not come."""
    waiting = Retrying(
        retry=retry_if_result(lambda found: not found),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(seconds),
    )
    try:
        found = waiting(look)
    except RetryError:
        raise AssertionError(f"not in {seconds:g} s: {what}") from None
    assert found is not None
    return found
