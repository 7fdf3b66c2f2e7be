"""What the doctor finds: what is wrong, what it would break, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error breaks the capture, or its figures; a warning may, some day."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: the same for the same thing, for scripts and tests.
        what: what is wrong.
        breaks: what would happen.
        sql: statements for the primary that mend it, to be run in this order.
        command: a command that mends it.
        safe: whether `--fix` may do so by itself: nothing is dropped, restarted or lost.
    """

    name: str
    severity: Severity
    what: str
    breaks: str
    sql: tuple[str, ...] = ()
    command: str | None = None
    safe: bool = False
