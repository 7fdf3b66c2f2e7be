"""The alert rules, the dashboards, and Prometheus's own programs."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.debian import NotInstalledError, install

REPOSITORY = Path(__file__).parents[2]
OBSERVABILITY = REPOSITORY / "infra" / "observability"
RULES = OBSERVABILITY / "alerts.yml"

Rule = dict[str, Any]


def rules(text: str | None = None) -> dict[str, Rule]:
    """Return the rules by their alerts' names."""
    found = yaml.safe_load(RULES.read_text() if text is None else text)
    return {rule["alert"]: rule for group in found["groups"] for rule in group["rules"]}


def dashboards() -> dict[str, list[str]]:
    """Return the expressions of each dashboard."""
    found = {}
    for path in (OBSERVABILITY / "dashboards").glob("*.json"):
        panels = json.loads(path.read_text())["panels"]
        found[path.name] = [each["expr"] for panel in panels for each in panel["targets"]]
    return found


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that an expression names; its labels and their values are left out."""
    bare = re.sub(r"\{[^}]*\}|\bby \([^)]*\)", "", expression)
    return set(re.findall(r"\b(?:tonnage_\w+|process_\w+|up)\b", bare))


@cache
def program(name: str) -> str:
    """Find `prometheus` or `promtool`; skips the test, and says so, where there is none."""
    found = shutil.which(name)
    if found is None:
        try:
            install("prometheus")
        except NotInstalledError as error:
            pytest.skip(f"NO PROMETHEUS HERE, so no alert is seen to fire: {error}")
        found = shutil.which(name)
    assert found is not None
    return found
