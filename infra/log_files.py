"""Opening a log of any known format."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path

from infra.errors import TonnageError
from infra.log_exports import FORMATS, read_export, recognise
from infra.logs import BadLine, LoggedWorkout, read_jsonl


def read_log(path: Path, user: str | None, zone: tzinfo) -> Iterator[LoggedWorkout | BadLine]:
    """Read a normalised log or an app's export, told by its first line.

    `user` is whose log it is: an export does not say, so needs it. Raises TonnageError where
    that lacks, and for a file that can't be read or is of no known format.
    """
    try:
        # What is not UTF-8 stays in the text as surrogates, so that its line alone is refused.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            file.seek(0)
            app = None if first.lstrip().startswith("{") else recognise(first)
            if app is None and path.suffix.lower() == ".csv":
                known = ", ".join(each.app for each in FORMATS)
                raise TonnageError(f"{path}: no export of {known}: it starts with {first[:80]!r}")
            if app is None:
                yield from read_jsonl(file, user, zone)
            elif user is None:
                raise TonnageError(
                    f"{path}: an export of {app.app} does not say whose it is: add --user NAME"
                )
            else:
                yield from read_export(file, app, user, zone)
    except OSError as error:
        raise TonnageError(f"{path}: {error.strerror}") from error
