"""What the tests of the doctor share: which kinds they break, and how one is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from connectors.doctor.doctor import examine, examine_primary
from connectors.doctor.finding import Finding, Kind
from stream.settings import Settings

Test = TypeVar("Test", bound=Callable[..., None])

BROKEN: set[Kind] = set()
"""The kinds that some test breaks, sees found, and mends."""


def breaks(*kinds: Kind) -> Callable[[Test], Test]:
    """Say of a test which kinds it breaks."""
    BROKEN.update(kinds)
    return lambda test: test


def found(settings: Settings, name: str) -> Finding | None:
    """Return what the doctor finds of the primary whose name begins like this."""
    return first(examine_primary(settings), name)


def found_anywhere(settings: Settings, name: str) -> Finding | None:
    """Return what the doctor finds of all parts."""
    return first(examine(settings), name)


def first(findings: Iterable[Finding], name: str) -> Finding | None:
    """Return the first of some findings whose name begins like this."""
    return next((each for each in findings if each.name.startswith(name)), None)
