"""`infra/compose.yaml` as Compose reads it: variables filled in, each service as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "infra" / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<how>:-|:\?)(?P<rest>[^}]*)\}")


@dataclass(frozen=True)
class Service:
    """One service; a mount is (source, target), the source empty for a volume without a name."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    depends_on: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[tuple[str, str], ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


def services(**variables: str) -> dict[str, Service]:
    """Return every service. Raises KeyError for a variable that must be set and is not."""
    document = yaml.safe_load(FILE.read_text())
    return {
        name: _service(name, _filled(raw, variables)) for name, raw in document["services"].items()
    }


def variables() -> dict[str, str | None]:
    """Return the variables that the file reads, each with its default; None where it has none."""
    return {
        found["name"]: found["rest"] if found["how"] == ":-" else None
        for found in _VARIABLE.finditer(FILE.read_text())
    }


def _service(name: str, raw: Mapping[str, Any]) -> Service:
    return Service(
        name=name,
        image=raw["image"],
        command=tuple(raw.get("command", ())),
        environment={key: str(value) for key, value in raw.get("environment", {}).items()},
        depends_on={key: each["condition"] for key, each in raw.get("depends_on", {}).items()},
        mounts=tuple(_mount(each) for each in raw.get("volumes", ())),
        raw=raw,
    )


def _mount(text: str) -> tuple[str, str]:
    source, separator, rest = text.partition(":")
    return (source, rest.split(":")[0]) if separator else ("", source)


def _filled(value: Any, given: Mapping[str, str]) -> Any:
    """Fill in `${NAME:-default}` and `${NAME:?message}` wherever a text stands."""
    if isinstance(value, dict):
        return {key: _filled(each, given) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, given) for each in value]
    if not isinstance(value, str):
        return value

    def fill(found: re.Match[str]) -> str:
        if found["how"] == ":?":
            return given[found["name"]]
        return given.get(found["name"]) or found["rest"]

    return _VARIABLE.sub(fill, value)
