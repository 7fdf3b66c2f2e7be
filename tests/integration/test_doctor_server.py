"""A primary of these tests alone, with settings that no shared server could be given."""

from __future__ import annotations

import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from pydantic import SecretStr

from connectors import capture
from connectors.doctor.finding import Finding, Kind, Severity
from infra.ports import choose
from infra.services.postgres import Server, binary, let_pass, system_user
from stream.settings import Settings, load_settings
from tests.e2e.pipeline import until
from tests.integration.capturing import TABLES, names, variant
from tests.integration.conftest import running
from tests.integration.doctoring import breaks, found

OPTIONS = {"shared_buffers": "16MB", "fsync": "off"}
LIES = """
    CREATE SCHEMA IF NOT EXISTS lies;
    CREATE OR REPLACE FUNCTION lies.clock_timestamp() RETURNS timestamptz
        RETURN pg_catalog.clock_timestamp() + interval '1 minute';
    ALTER ROLE postgres SET search_path = lies, pg_catalog, public;
"""


@dataclass
class Own:
    """A PostgreSQL server that tests restart; what ALTER SYSTEM says holds, no flag hides it."""

    server: Server
    life: ExitStack = field(default_factory=ExitStack)

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    def restart(self) -> None:
        """Stop it where it runs, and start it."""
        self.life.close()
        self.life.enter_context(running(self.server))

    def mend(self, finding: Finding) -> None:
        """Run the printed SQL, and restart where that says so."""
        assert finding.sql
        for statement in finding.sql:
            self.execute(statement)
        if "restart the server" in finding.sql[-1]:
            self.restart()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not in pytest's folders: it closes them to others, and the server runs as another user.
    with TemporaryDirectory(prefix="tonnage-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[Own]:
    port = choose("PostgreSQL", None, 0, None)
    made = Own(Server("primary", folder / "data", port, "secret", "tonnage", OPTIONS))
    with made.life:
        made.restart()
        made.execute("ALTER SYSTEM SET wal_level = 'logical'")
        made.restart()
        yield made


@pytest.fixture(scope="module")
def prepared(own: Own, api_home: Path) -> Settings:
    """Settings of a capture for which all is made but the connector and its slot."""
    settings = load_settings(
        home=api_home,
        source_dsn=own.server.dsn,
        capture_password="secret",
        source_schema="gym",
        workout_table="sessions",
        performed_table="performed",
        columns={"workout.user_id": "athlete"},
        **names("own"),
    )
    own.execute(TABLES)
    capture.prepare(settings)
    return settings


@pytest.fixture
def slot(own: Own, prepared: Settings) -> Iterator[Settings]:
    """The same with a slot, of which nothing is wrong but that it may grow."""
    own.execute(
        "SELECT pg_create_logical_replication_slot(%s, 'pgoutput', failover => true)",
        prepared.slot_name,
    )
    own.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'")
    reload(own, prepared, "10GB")
    yield prepared
    own.execute("SELECT pg_drop_replication_slot(%s)", prepared.slot_name)


def reload(own: Own, settings: Settings, size: str) -> None:
    """Have the server read its settings, and wait until it goes by them."""

    def read() -> bool:
        with psycopg.connect(settings.need("source_dsn")) as connection:
            row = connection.execute("SHOW max_slot_wal_keep_size").fetchone()
        return row == (size,)

    own.execute("SELECT pg_reload_conf()")
    until(read, f"max_slot_wal_keep_size = {size}", 10)


def write_wal(own: Own) -> None:
    """Fill three segments of the log."""
    for _ in range(3):
        own.execute("SELECT pg_logical_emit_message(false, 'some', 'thing')")
        own.execute("SELECT pg_switch_wal()")


def test_of_a_prepared_primary_nothing_is_found(slot: Settings) -> None:
    assert [each for each in Kind if found(slot, each)] == []


@breaks(Kind.WAL_LEVEL)
def test_a_log_without_the_changes(own: Own, prepared: Settings) -> None:
    own.execute("ALTER SYSTEM SET wal_level = 'replica'")
    own.restart()
    finding = found(prepared, Kind.WAL_LEVEL)
    assert finding is not None
    own.mend(finding)
    assert found(prepared, Kind.WAL_LEVEL) is None


@breaks(Kind.SLOTS_FULL)
def test_no_free_slot(own: Own, prepared: Settings) -> None:
    own.execute("ALTER SYSTEM SET max_replication_slots = 1")
    own.restart()
    assert found(prepared, Kind.SLOTS_FULL) is None
    own.execute("SELECT pg_create_physical_replication_slot('filler')")
    finding = found(prepared, Kind.SLOTS_FULL)
    assert finding is not None
    own.mend(finding)
    assert found(prepared, Kind.SLOTS_FULL) is None
    own.execute("SELECT pg_drop_replication_slot('filler')")


@breaks(Kind.SENDERS_FULL)
def test_no_free_sender(own: Own, slot: Settings) -> None:
    own.execute("ALTER SYSTEM SET max_wal_senders = 1")
    own.restart()
    assert found(slot, Kind.SENDERS_FULL) is None
    with psycopg.connect(own.server.dsn, replication="true", autocommit=True):
        finding = found(slot, Kind.SENDERS_FULL)
        assert finding is not None
        own.mend(finding)
    with psycopg.connect(own.server.dsn, replication="true", autocommit=True):
        assert found(slot, Kind.SENDERS_FULL) is None


@breaks(Kind.SLOT_UNBOUNDED)
def test_a_slot_that_may_fill_the_disk(own: Own, slot: Settings) -> None:
    own.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
    reload(own, slot, "-1")
    finding = found(slot, Kind.SLOT_UNBOUNDED)
    assert finding is not None
    assert finding.severity == Severity.WARNING
    own.mend(finding)
    until(lambda: found(slot, Kind.SLOT_UNBOUNDED) is None, "a bound", 10)


@breaks(Kind.SLOT_AT_RISK)
def test_a_slot_whose_wal_may_go_any_moment(own: Own, slot: Settings) -> None:
    own.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    reload(own, slot, "1MB")
    write_wal(own)
    finding = found(slot, Kind.SLOT_AT_RISK)
    assert finding is not None
    own.mend(finding)
    until(lambda: found(slot, Kind.SLOT_AT_RISK) is None, "a slot at no risk", 10)
    own.execute("CHECKPOINT")
    assert found(slot, Kind.SLOT_LOST) is None


@breaks(Kind.SLOT_LOST)
def test_a_slot_whose_wal_is_gone(own: Own, slot: Settings) -> None:
    """The printed command is run in `tests.e2e.test_watch`: it needs the whole stack."""
    own.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    reload(own, slot, "1MB")
    write_wal(own)
    own.execute("CHECKPOINT")
    finding = found(slot, Kind.SLOT_LOST)
    assert finding is not None
    assert finding.command == "tonnage stream reset --from-source"


@breaks(Kind.SLOT_PLUGIN)
def test_a_slot_that_another_plugin_decodes(own: Own, prepared: Settings) -> None:
    own.execute("SELECT pg_create_logical_replication_slot('other', 'test_decoding')")
    finding = found(variant(prepared, slot_name="other"), Kind.SLOT_PLUGIN)
    own.execute("SELECT pg_drop_replication_slot('other')")
    assert finding is not None
    assert finding.command == "set TONNAGE_SLOT_NAME to a slot of its own"
    assert found(prepared, Kind.SLOT_PLUGIN) is None


@breaks(Kind.HEARTBEAT_MISSING)
def test_no_heartbeat(own: Own, prepared: Settings) -> None:
    own.execute("DROP TABLE tonnage.heartbeat")
    finding = found(prepared, Kind.HEARTBEAT_MISSING)
    assert finding is not None
    assert finding.command == "tonnage connector apply"
    capture.prepare(prepared)  # what that does to the primary
    assert found(prepared, Kind.HEARTBEAT_MISSING) is None


@breaks(Kind.CLOCK)
def test_a_clock_that_is_wrong(own: Own, prepared: Settings) -> None:
    """The machine's clock is everyone's: this server tells another time than it has."""
    own.execute(LIES)
    finding = found(prepared, Kind.CLOCK.of("primary"))
    own.execute("ALTER ROLE postgres RESET search_path")
    assert finding is not None
    assert "+60.0 s" in finding.what
    assert found(prepared, Kind.CLOCK) is None


@breaks(Kind.STANDBY)
def test_a_standby_in_place_of_the_primary(own: Own, prepared: Settings, folder: Path) -> None:
    port = choose("PostgreSQL", None, 0, None)
    standby = replace(own.server, name="standby", data=folder / "standby", port=port)
    copy(own.server, standby.data)
    with running(standby):
        finding = found(variant(prepared, source_dsn=SecretStr(standby.dsn)), Kind.STANDBY)
    assert finding is not None
    assert finding.command == "set TONNAGE_SOURCE_DSN to the server that takes writes"
    assert found(prepared, Kind.STANDBY) is None


def copy(server: Server, data: Path) -> None:
    """Copy a running server, as the user that is to run the copy, for a standby of it."""
    user = system_user()
    data.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(data, user)
        let_pass(binary("pg_basebackup"))
    address = server.dsn.rpartition("/")[0]
    command = [str(binary("pg_basebackup")), "-R", "-c", "fast", "-d", address, "-D", str(data)]
    group = pwd.getpwnam(user).pw_gid if user else None
    subprocess.run(command, check=True, cwd="/", user=user, group=group)
