"""Incidents: why the answers can't be trusted now. While one is open, every answer is stale.

One that befell a single generation counts while that one serves.
"""

from __future__ import annotations

from enum import StrEnum

OPEN = (
    "INSERT INTO tonnage.incident (kind, detail) VALUES (%s, %s)"
    " ON CONFLICT (kind, generation) DO UPDATE SET detail = EXCLUDED.detail"
)
"""Takes the kind and what a person should know; one that is open keeps its time."""

OPEN_IN = (
    "INSERT INTO tonnage.incident (kind, detail, generation) VALUES (%s, %s, %s)"
    " ON CONFLICT (kind, generation) DO UPDATE SET detail = EXCLUDED.detail"
)
"""Takes the generation that it befell, too."""

CLOSE = "DELETE FROM tonnage.incident WHERE kind = ANY(%s)"
"""Takes the kinds."""


class Incident(StrEnum):
    """What can happen, by what mends it."""

    REBUILD = "rebuild"
    """A rebuild in place goes on; it closes this itself."""

    POISON = "poison"
    """A step failed on a message and left it out; a rebuild mends it."""


MENDED_BY_SOURCE_REBUILD: list[Incident] = []
"""What is over when everything was built again from a new snapshot of the source."""
