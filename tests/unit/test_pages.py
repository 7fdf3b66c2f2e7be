"""Pages that say what was tried: each row of their tables names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
NO_ROW = re.compile(r"^\|(-+\||.*\| (test|tried by) \|$)")
TEST = re.compile(r"`(tests/\S+\.py)::(test_\w+)`")


@pytest.mark.parametrize(
    ("page", "heading", "least"), [("security.md", "## Attacks", 40), ("faults.md", "# Faults", 30)]
)
def test_every_row_names_a_test_that_exists(page: str, heading: str, least: int) -> None:
    _, _, text = (ROOT / "docs" / page).read_text().partition(heading)
    rows = [row for row in ROW.findall(text) if not NO_ROW.match(row)]
    assert len(rows) > least
    for row in rows:
        named = TEST.findall(row)
        assert named, row
        for path, test in named:
            source = (ROOT / path).read_text()
            assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), (path, test)
