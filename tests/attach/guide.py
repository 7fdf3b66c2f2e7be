"""`docs/attach.md` as steps: its fenced blocks, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PAGE = Path(__file__).parents[2] / "docs" / "attach.md"
_BLOCK = re.compile(r"^( *)```(\w+)(?: (\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block; after its language stands what it is for, or which file it belongs to."""

    language: str
    name: str
    text: str


def blocks() -> Iterator[Block]:
    """Give every block of the page."""
    for indent, language, name, text in _BLOCK.findall(PAGE.read_text()):
        yield Block(language, name, dedent(text) if indent else text)
