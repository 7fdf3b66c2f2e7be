"""The files of the public topics' contract: written, and held against what was released."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.contract import broken, bundle, written
from infra.errors import TonnageError

RELEASED = "released"


def export(folder: Path) -> Iterator[Path]:
    """Write the contract's files and yield their paths."""
    for name, content in bundle().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(content))
        yield path


def read(folder: Path) -> dict[str, Any]:
    """Return the contract that a folder holds. Raises TonnageError."""
    found = {}
    for path in sorted([*folder.glob("*.json"), *folder.glob("schemas/*/*.json")]):
        try:
            found[path.relative_to(folder).as_posix()] = json.loads(path.read_text())
        except ValueError as error:
            raise TonnageError(f"{path} is no JSON ({error}): take it from its release.") from error
    return found


def check(folder: Path) -> dict[str, list[str]]:
    """Return what breaks each released contract, by its version. Raises TonnageError."""
    now = bundle()
    releases = sorted((folder / RELEASED).glob("*/"))
    return {each.name: list(broken(read(each), now)) for each in releases}
