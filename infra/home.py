"""The local stack's folder: what is in it, its secrets, and `stack.json`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.errors import TonnageError
from infra.services.part import write_json

# A Unix socket's address holds about 107 bytes, and the supervisor appends its pid at first.
SOCKET_BYTES = 90
SECRETS = ("primary_password", "read_store_password", "capture_password", "jwt_secret")


@dataclass(frozen=True)
class Home:
    """Paths below the stack's folder; `root` is absolute."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> Home:
        """Take a folder, which need not be there yet."""
        return cls(path.expanduser().resolve())

    @property
    def stack_file(self) -> Path:
        """Addresses and secrets of the running stack; it is there while the stack runs."""
        return self.root / "stack.json"

    @property
    def data(self) -> Path:
        """What the servers keep."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log for each part."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Configuration made for this run; only the owner may look in."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        """Where the supervisor listens: a short path elsewhere when the home's is too long."""
        here = self.run / "supervisor.sock"
        if len(os.fsencode(here)) <= SOCKET_BYTES:
            return here
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tonnage-{os.geteuid()}-{name}" / "s.sock"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.root, self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.socket.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_uid != os.geteuid():
                raise TonnageError(f"{folder} belongs to another user: remove it, or set TMPDIR.")

    @contextmanager
    def locked(self, name: str, busy: str | None = None) -> Iterator[None]:
        """Hold a lock of this home; wait for it, or raise TonnageError(busy) when that is given."""
        with (self.run / f"{name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
            except BlockingIOError as error:
                raise TonnageError(busy) from error
            yield

    def read(self, name: str) -> dict[str, Any]:
        """Read one of this home's JSON files; a missing one is empty."""
        try:
            found: dict[str, Any] = json.loads((self.root / name).read_text())
        except FileNotFoundError:
            return {}
        return found

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Write one of this home's JSON files, readable by its owner alone."""
        write_json(self.root / name, value)

    def secrets(self) -> dict[str, str]:
        """Return this home's passwords, made once."""
        found = self.read("secrets.json")
        missing = {name: secrets.token_urlsafe(32) for name in SECRETS if name not in found}
        if missing:
            self.write("secrets.json", {**found, **missing})
        return {**found, **missing}

    def log_tail(self, part: str, lines: int = 15) -> str:
        """Return the last lines of a part's log."""
        path = self.logs / f"{part}.log"
        if not path.exists():
            return "(no log)"
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
        return "\n".join(text.rstrip().splitlines()[-lines:]) or "(an empty log)"
