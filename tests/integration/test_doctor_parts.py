"""Kafka Connect and the read store are broken, which is found, and mended by what is printed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from connectors import registration
from connectors.doctor.finding import Finding, Kind
from connectors.doctor.parts import check_connect, check_read_store
from infra.services.part import TONNAGE
from infra.services.postgres import binary
from stream.settings import Settings, load_settings
from tests.e2e.pipeline import until
from tests.integration.capturing import Primary, variant
from tests.integration.conftest import ReadStore, prepare_read_store
from tests.integration.doctoring import breaks, first, found
from tests.integration.test_doctor_server import LIES

Run = Callable[[Finding | None, Settings], None]


def of_connect(settings: Settings, kind: Kind) -> Finding | None:
    return first(check_connect(settings), kind)


def of_read_store(settings: Settings, kind: Kind) -> Finding | None:
    return first(check_read_store(settings), kind)


NAMES = ("connector_name", "topic_prefix", "slot_name", "publication", "capture_user")
ADDRESSES = ("source_dsn", "connect_url", "bootstrap_servers", "capture_password")


@pytest.fixture
def run(api_home: Path) -> Run:
    """Run a printed command in a shell, for a capture that its environment names."""

    def printed(finding: Finding | None, settings: Settings) -> None:
        assert finding is not None
        assert finding.command
        own = {name: settings.need(name) for name in NAMES + ADDRESSES} | {"home": str(api_home)}
        programs = [str(binary("psql").parent), str(Path(TONNAGE).parent), os.environ["PATH"]]
        done = subprocess.run(
            ["/bin/sh", "-c", finding.command],
            env={
                **os.environ,
                **{f"TONNAGE_{name.upper()}": value for name, value in own.items()},
                "PATH": os.pathsep.join(programs),
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr

    return printed


@pytest.mark.stack
@breaks(Kind.CONNECTOR_FAILED)
def test_a_connector_that_has_failed(captured: Settings, primary: Primary, run: Run) -> None:
    primary.execute(f"ALTER PUBLICATION {captured.publication} RENAME TO hidden".encode())
    httpx.post(
        f"{captured.connect_url}/connectors/{captured.connector_name}/restart?includeTasks=true"
    ).raise_for_status()
    until(lambda: of_connect(captured, Kind.CONNECTOR_FAILED) is not None, "a failed connector")
    primary.execute(f"ALTER PUBLICATION hidden RENAME TO {captured.publication}".encode())
    run(of_connect(captured, Kind.CONNECTOR_FAILED), captured)
    assert of_connect(captured, Kind.CONNECTOR_FAILED) is None


@pytest.mark.stack
@breaks(Kind.CONNECTOR_PAUSED)
def test_a_connector_that_is_paused(captured: Settings, run: Run) -> None:
    registration.pause(captured)
    run(of_connect(captured, Kind.CONNECTOR_PAUSED), captured)
    assert of_connect(captured, Kind.CONNECTOR_PAUSED) is None


@pytest.mark.stack
@breaks(Kind.CONNECTOR_NOT_RUNNING)
def test_a_connector_that_can_not_begin(other: Settings) -> None:
    """A slot is made when every transaction that was open before has ended."""
    with psycopg.connect(other.need("source_dsn")) as holds_up:
        holds_up.execute("SELECT pg_current_xact_id()")
        registration.apply(other)
        until(
            lambda: of_connect(other, Kind.CONNECTOR_NOT_RUNNING) is not None,
            "a connector without a task",
        )
    until(lambda: of_connect(other, Kind.CONNECTOR_NOT_RUNNING) is None, "a connector with a task")


@pytest.mark.stack
@breaks(Kind.CONNECT_REFUSES)
def test_a_configuration_that_is_refused(captured: Settings, primary: Primary) -> None:
    password = captured.need("capture_password")
    primary.execute(f"ALTER ROLE {captured.capture_user} PASSWORD 'another'".encode())
    finding = of_connect(captured, Kind.CONNECT_REFUSES)
    primary.execute(f"ALTER ROLE {captured.capture_user} PASSWORD '{password}'".encode())
    assert finding is not None
    assert "password authentication failed" in finding.what
    assert of_connect(captured, Kind.CONNECT_REFUSES) is None


@pytest.mark.stack
@breaks(Kind.SLOT_NOT_FAILOVER)
def test_a_slot_that_no_standby_takes_along(other: Settings, primary: Primary, run: Run) -> None:
    primary.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [other.slot_name])
    registration.apply(other)
    registration.wait_running(other)
    run(found(other, Kind.SLOT_NOT_FAILOVER), other)
    assert found(other, Kind.SLOT_NOT_FAILOVER) is None


@pytest.mark.stack
def test_the_slot_of_a_new_connector_is_taken_along(captured: Settings) -> None:
    assert found(captured, Kind.SLOT_NOT_FAILOVER) is None


@breaks(Kind.READ_STORE_EMPTY)
def test_a_read_store_without_tables(empty: Settings) -> None:
    finding = of_read_store(empty, Kind.READ_STORE_EMPTY)
    assert finding is not None
    assert finding.command == "tonnage stream run"
    prepare_read_store(empty)  # with this a worker begins
    assert list(check_read_store(empty)) == []


@breaks(Kind.NOTHING_SERVES)
def test_a_read_store_in_which_nothing_serves(empty: Settings) -> None:
    prepare_read_store(empty)
    with psycopg.connect(empty.need("read_store_dsn")) as connection:
        connection.execute("UPDATE tonnage.generation SET state = 'dropping'")
    finding = of_read_store(empty, Kind.NOTHING_SERVES)
    assert finding is not None
    assert finding.command == "tonnage stream run"
    prepare_read_store(empty)
    assert of_read_store(empty, Kind.NOTHING_SERVES) is None


@breaks(Kind.READ_STORE_DENIED)
def test_a_read_store_that_may_not_be_written(empty: Settings) -> None:
    prepare_read_store(empty)
    owner = empty.need("read_store_dsn")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE ROLE reads LOGIN PASSWORD 'reads'")
        connection.execute("GRANT USAGE ON SCHEMA tonnage TO reads")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA tonnage TO reads")
        reads = SecretStr(make_conninfo(owner, user="reads", password="reads"))
        finding = of_read_store(variant(empty, read_store_dsn=reads), Kind.READ_STORE_DENIED)
        connection.execute("DROP OWNED BY reads; DROP ROLE reads")
    assert finding is not None
    assert finding.command == "set TONNAGE_READ_STORE_DSN to their owner"
    assert of_read_store(empty, Kind.READ_STORE_DENIED) is None


@breaks(Kind.CLOCK)
def test_a_clock_of_the_read_store_that_is_wrong(read_store: ReadStore, api_home: Path) -> None:
    settings = load_settings(home=api_home, read_store_dsn=read_store.dsn)
    read_store.execute(LIES)
    finding = of_read_store(settings, Kind.CLOCK)
    read_store.execute("ALTER ROLE postgres RESET search_path")
    assert finding is not None
    assert finding.name == Kind.CLOCK.of("read-store")
    assert of_read_store(settings, Kind.CLOCK) is None
