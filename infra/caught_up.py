"""Waiting until the read store holds everything that the primary has committed."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from rich.console import Console
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from infra.errors import TonnageError
from infra.source import failed
from stream.settings import Settings

_POLL_SECONDS = 0.1
_LAG = """
SELECT lsn::text,
       CASE WHEN lsn IS NOT NULL THEN greatest(%(lsn)s::pg_lsn - lsn, 0)::bigint END,
       incidents
FROM tonnage.freshness
"""


@dataclass(frozen=True, slots=True)
class _Lag:
    """How far the read store is behind an LSN; `bytes` is None where nothing is served yet."""

    lsn: str | None = None
    bytes: int | None = None
    incidents: str | None = None

    def __str__(self) -> str:
        if self.bytes is None:
            return "nothing is served yet"
        behind = f"at {self.lsn}, {self.bytes} bytes of WAL behind"
        return f"{behind}; {self.incidents}" if self.incidents else behind


def current_lsn(settings: Settings) -> str:
    """Return where the primary's WAL ends now, as `0/1A2B3C4`."""
    with psycopg.connect(settings.need("source_dsn"), autocommit=True) as primary:
        row = primary.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return str(row[0])


def wait(
    settings: Settings,
    lsn: str | None = None,
    timeout: float = 120,
    *,
    despite_incidents: bool = False,
) -> str:
    """Wait until everything up to `lsn` (default: the primary's end now) is served; return it.

    An open incident means that nothing is caught up, but for who is mending it
    (`despite_incidents`). `timeout` is in seconds. Raises TonnageError that says what lags, and
    by how much.
    """
    try:
        target = lsn or current_lsn(settings)
        with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as read_store:
            _wait(read_store, target, timeout, despite_incidents)
    except psycopg.Error as error:
        raise failed("waiting until the read store has caught up", error) from error
    return target


def _wait(
    read_store: psycopg.Connection,
    target: str,
    timeout: float,
    despite_incidents: bool,  # noqa: FBT001
) -> None:
    console = Console(stderr=True)
    lag = _Lag()
    with console.status(f"Waiting for the read store to reach {target}") as status:

        def look() -> bool:
            nonlocal lag
            row = read_store.execute(_LAG, {"lsn": target}).fetchone()
            lag = _Lag(*row) if row else _Lag()
            status.update(f"Waiting for the read store to reach {target}: {lag}")
            return lag.bytes == 0 and (despite_incidents or lag.incidents is None)

        try:
            Retrying(
                stop=stop_after_delay(timeout),
                wait=wait_fixed(_POLL_SECONDS),
                retry=retry_if_result(lambda reached: not reached),
            )(look)
        except RetryError as error:
            raise TonnageError(
                f"the read store has not reached the primary's {target} in {timeout:g} s: it is"
                f" {lag}. `tonnage status` and `tonnage stream status` say which part stands still."
            ) from error
