"""SQL files as named, described blocks: `-- name: slot`, a line that says what, the statement."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_HEAD = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def blocks(file: str) -> dict[str, LiteralString]:
    """Return the blocks of `connectors/sql/FILE`, in their order."""
    _, *parts = _HEAD.split(files("connectors").joinpath("sql", file).read_text())
    names, texts = parts[::2], parts[1::2]
    # The text is ours, from a file of this package: as literal as if it stood in the code.
    return {
        name: cast("LiteralString", text.strip()) for name, text in zip(names, texts, strict=True)
    }
