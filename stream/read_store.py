"""The read store's schema: migrations of what is shared, scripts for a generation's tables."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from yoyo import get_backend, read_migrations

from stream.settings import Settings, SettingsError

MIGRATIONS = Path(__file__).parent / "sql" / "migrations"


def script(name: str, schema: str) -> bytes:
    """Return an SQL script with the generation's schema in place."""
    text = resources.files("stream").joinpath("sql", name).read_text()
    return text.replace("{schema}", schema).encode()


def statements_of(name: str) -> dict[str, str]:
    """Return the statements of an SQL file by the names that it gives them."""
    text = resources.files("stream").joinpath("sql", name).read_text()
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {each: body.strip() for each, body in zip(parts[1::2], parts[2::2], strict=True)}


def fresh_schema(schema: str) -> str:
    """Name where a generation's tables are filled again beside those that serve."""
    return f"{schema}_fresh"


def migrate(settings: Settings) -> None:
    """Bring the read store's shared tables up to date; several callers may do so at once."""
    dsn = settings.need("read_store_dsn")
    if not dsn.startswith("postgresql://"):
        raise SettingsError(
            "TONNAGE_READ_STORE_DSN must be a URL: postgresql://user:password@host/db"
        )
    backend = get_backend("postgresql+psycopg://" + dsn.removeprefix("postgresql://"))
    migrations = read_migrations(str(MIGRATIONS))
    with backend, backend.lock(timeout=60):
        [(there,)] = backend.execute("SELECT to_regnamespace('tonnage') IS NOT NULL").fetchall()
        if not there:  # what was applied is noted elsewhere, and may be gone by itself
            backend.unmark_migrations(backend.to_rollback(migrations))
        backend.apply_migrations(backend.to_apply(migrations))
