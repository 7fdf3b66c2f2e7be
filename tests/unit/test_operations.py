"""Whatever can be found or happen has its line in Operations, and each link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.doctor.finding import Kind
from stream.incidents import Incident

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def anchors(of: str) -> list[str]:
    return re.findall(rf'^\| <a id="{of}-([a-z-]+)"></a>`\1` \|', PAGE, re.MULTILINE)


def headings() -> set[str]:
    """Return the anchors that a page of Markdown gives its headings."""
    titles = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_each_incident_has_a_line() -> None:
    assert sorted(anchors("incident")) == sorted(Incident)


def test_each_finding_has_a_line() -> None:
    assert sorted(anchors("finding")) == sorted(Kind)


def test_links_within_the_page_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) - headings() == set()
