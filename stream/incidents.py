"""Incidents: why the answers can't be trusted now. While one is open, every answer is stale."""

from __future__ import annotations

from enum import StrEnum

OPEN = (
    "INSERT INTO tonnage.incident (kind, detail) VALUES (%s, %s)"
    " ON CONFLICT (kind) DO UPDATE SET detail = EXCLUDED.detail"
)
"""Takes the kind and what a person should know; one that is open keeps its time."""

CLOSE = "DELETE FROM tonnage.incident WHERE kind = ANY(%s)"
"""Takes the kinds."""


class Incident(StrEnum):
    """What can happen, by what mends it."""

    REBUILD = "rebuild"
    """A rebuild in place goes on; it closes this itself."""

    POISON = "poison"
    """A step failed on a message and left it out; a rebuild mends it."""


MENDED_BY_REBUILD = [Incident.REBUILD, Incident.POISON]
"""What is over when everything was built again from the topics."""
