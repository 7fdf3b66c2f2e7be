"""Errors of the capture: each says what happened, where, and what to do."""

from __future__ import annotations


class ConnectorError(Exception):
    """The capture could not be set up or read; the message goes to the person as it is."""
