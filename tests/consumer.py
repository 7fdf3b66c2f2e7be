"""The example consumer of the documents, and an environment that has only what it needs."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

TOPICS = Path(__file__).parents[1] / "docs" / "topics"
SCRIPT = TOPICS / "consumer.py"
NEEDS = ("kafka-python", "jsonschema")


@cache
def consumer() -> ModuleType:
    """Import the example."""
    spec = spec_from_file_location("documented_consumer", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(folder: Path, *names: str) -> Path:
    """Make a virtual environment with these distributions and those that they need, no other.

    Returns its interpreter. Nothing is downloaded: what is installed here is linked into it.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for name in _with_needs(names):
        found = distribution(name)
        tops = {path.parts[0] for path in found.files or () if path.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))
    return folder / "bin" / "python"


def _with_needs(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for line in distribution(name).requires or ():
            need, _, marker = line.partition(";")
            if "extra" not in marker and not _is_for_older(marker):
                waiting.append(re.split(r"[^\w.-]", need.strip())[0])
    return found


def _is_for_older(marker: str) -> bool:
    bound = re.search(r'python_version < ["\']3\.(\d+)', marker)
    return bound is not None and sys.version_info >= (3, int(bound[1]))
