"""Errors of the command line and the local stack: each says what happened, where, what to do."""

from __future__ import annotations


class TonnageError(Exception):
    """A foreseen failure; its message goes to the person as it is."""
