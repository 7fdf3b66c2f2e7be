"""The read store's schema: migrations of what is shared, scripts for a generation's tables."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from yoyo import get_backend, read_migrations

from stream.settings import Settings, SettingsError

MIGRATIONS = Path(__file__).parent / "sql" / "migrations"


def script(name: str, schema: str) -> bytes:
    """Return an SQL script with the generation's schema in place."""
    text = resources.files("stream").joinpath("sql", name).read_text()
    return text.replace("{schema}", schema).encode()


def migrate(settings: Settings) -> None:
    """Bring the read store's shared tables up to date; several callers may do so at once."""
    dsn = settings.need("read_store_dsn")
    if not dsn.startswith("postgresql://"):
        raise SettingsError(
            "TONNAGE_READ_STORE_DSN must be a URL: postgresql://user:password@host/db"
        )
    backend = get_backend("postgresql+psycopg://" + dsn.removeprefix("postgresql://"))
    with backend, backend.lock(timeout=60):
        backend.apply_migrations(backend.to_apply(read_migrations(str(MIGRATIONS))))
