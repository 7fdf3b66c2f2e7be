"""The watch over the capture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import psycopg

from infra.services.part import LOOPBACK, TONNAGE, NotReady, Part

_LOOKS = "SELECT FROM tonnage.watch WHERE looked_at > now() - interval '5 seconds'"


def watch(read_store_dsn: str, port: int, environment: Mapping[str, str]) -> Part:
    """Describe the watch; it is ready once it has looked."""
    return Part(
        name="watch",
        command=(TONNAGE, "connector", "watch"),
        address=f"http://{LOOPBACK}:{port}",
        metrics="tonnage-watch",
        probe=partial(looks, read_store_dsn),
        environment={**environment, "TONNAGE_WATCH_PORT": str(port)},
    )


def looks(read_store_dsn: str) -> None:
    """Raise NotReady unless it has looked just now."""
    try:
        with psycopg.connect(read_store_dsn, connect_timeout=2) as connection:
            if connection.execute(_LOOKS).fetchone() is not None:
                return
    except psycopg.Error as error:
        raise NotReady(f"the read store can't tell: {error}") from error
    raise NotReady("the watch has not looked at the primary yet")
