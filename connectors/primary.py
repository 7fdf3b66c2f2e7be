"""Connections to the primary, and the errors that they meet in a person's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from connectors.configuration import redact
from connectors.errors import ConnectorError
from stream.settings import Settings

_OPTIONS = "-c lock_timeout=10s -c statement_timeout=30s"


@contextmanager
def connection(settings: Settings) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Connect to the primary as its owner; commits at the end. Raises ConnectorError."""
    try:
        with psycopg.connect(
            settings.need("source_dsn"), connect_timeout=10, options=_OPTIONS
        ) as primary:
            yield primary
    except psycopg.Error as error:
        what = " ".join(str(error).split())
        raise ConnectorError(
            f"the primary (TONNAGE_SOURCE_DSN) refuses: {redact(what, settings)}"
        ) from error
