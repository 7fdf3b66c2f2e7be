"""Incidents: why the answers can't be trusted now. While one is open, every answer is stale.

One that befell a single generation counts while that one serves; one that befell a capture,
while a generation serves that it feeds.
"""

from __future__ import annotations

from enum import StrEnum

OPEN = (
    "INSERT INTO tonnage.incident (kind, detail) VALUES (%s, %s)"
    " ON CONFLICT (kind, generation, capture) DO UPDATE SET detail = EXCLUDED.detail"
)
"""Takes the kind and what a person should know; one that is open keeps its time."""

OPEN_IN = (
    "INSERT INTO tonnage.incident (kind, detail, generation) VALUES (%s, %s, %s)"
    " ON CONFLICT (kind, generation, capture) DO UPDATE SET detail = EXCLUDED.detail"
)
"""Takes the generation that it befell, too."""

OPEN_IN_CAPTURE = (
    "INSERT INTO tonnage.incident (kind, detail, capture) VALUES (%s, %s, %s)"
    " ON CONFLICT (kind, generation, capture) DO UPDATE SET detail = EXCLUDED.detail"
)
"""Takes the capture that it befell, too."""

OPEN_DOUBT = (
    "INSERT INTO tonnage.incident (kind, detail, generation) VALUES (%s, %s, %s)"
    " ON CONFLICT (kind, generation, capture)"
    " DO UPDATE SET detail = EXCLUDED.detail, passed = false"
)
"""Takes the kind, the detail and the generation."""

DOUBT_PASSED = "UPDATE tonnage.incident SET passed = true WHERE kind = %s AND generation = %s"
"""Takes the kind and the generation."""

DOUBTS_PASSED = "SELECT kind FROM tonnage.incident WHERE passed AND generation = %s"
"""Takes the generation."""

CLOSE_DOUBTS = "DELETE FROM tonnage.incident WHERE passed AND generation = %s AND kind = ANY(%s)"
"""Takes the generation and the kinds; one that has begun again stays."""

CLOSE = "DELETE FROM tonnage.incident WHERE kind = %s AND generation = 0 AND capture = -1"
"""Takes the kind of one that befell nothing in particular."""

CLOSE_IN_CAPTURE = "DELETE FROM tonnage.incident WHERE kind = %s AND capture = %s"
"""Takes the kind and the capture."""

OPEN_NOW = (
    "SELECT kind, detail FROM tonnage.open_incident WHERE generation = %s ORDER BY since, kind"
)
"""Takes a generation; returns what keeps its answers from being trusted."""


class Incident(StrEnum):
    """What can happen, by what mends it."""

    REBUILD = "rebuild"
    """A rebuild in place goes on; it closes this itself."""

    POISON = "poison"
    """A step failed on a message and left it out; a rebuild mends it."""

    REPEATED = "repeated"
    """Events of a source partition come once more; it closes by itself when they have passed."""

    SLOT = "slot"
    """The replication slot is gone, lost its WAL, or was moved: changes were missed."""

    PRIMARY = "primary"
    """Another server answers as the primary, or one that is behind what was captured."""

    TABLE = "table"
    """A captured table is gone, renamed or another one: changes were missed."""

    PUBLICATION = "publication"
    """A captured table was not published: changes were missed."""

    COLUMNS = "columns"
    """A captured table lacks a column that is needed, or has it as another type."""

    EMPTIED = "emptied"
    """A table was emptied by TRUNCATE, which the log does not tell."""

    SNAPSHOT = "snapshot"
    """The first snapshot was interrupted, and left out: rows are missing."""

    GHOSTS = "ghosts"
    """The first snapshot was interrupted and taken again: what was deleted between is held."""

    SUSPECTED = "suspected"
    """A table may hold what the primary does not: it is being looked at, and closes by itself."""


MENDED_FROM_SOURCE = (
    Incident.SLOT,
    Incident.PRIMARY,
    Incident.TABLE,
    Incident.PUBLICATION,
    Incident.COLUMNS,
    Incident.EMPTIED,
    Incident.SNAPSHOT,
    Incident.GHOSTS,
)
"""What the log can't tell: a rebuild from a new snapshot of the source mends it."""
