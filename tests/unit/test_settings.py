from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from stream.settings import PREFIX, Settings, SettingsError, load_settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
TYPES = {
    Path: "path",
    str: "text",
    int: "whole number",
    float: "number",
    SecretStr: "secret",
    dict: "JSON object",
    tuple: "list",
}


def row(name: str, field: FieldInfo) -> str:
    """Write a setting's row of the table."""
    shown = [f"`{PREFIX}{name.upper()}`", kind(field.annotation), default(field)]
    return f"| {' | '.join([*shown, str(field.description)])} |"


def kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(annotation))
    plain = [each for each in get_args(annotation) if each is not type(None)] or [annotation]
    return TYPES[get_origin(annotation) if get_origin(annotation) in TYPES else plain[0]]


def default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, (), {}) else f"`{value}`"


def test_the_page_has_every_setting_in_the_codes_order() -> None:
    expected = [row(name, field) for name, field in Settings.model_fields.items()]
    found = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{PREFIX}")]
    assert found == expected


def test_every_setting_has_a_meaning() -> None:
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEZONE", "Mars/Olympus"),
        ("PARTITIONS", "none"),
        ("PARTITIONS", "0"),
        ("API_PORT", "70000"),
        ("STATE", "disk"),
        ("REBUILD", "perhaps"),
        ("STALE_AFTER_SECONDS", "0"),
        ("HEARTBEAT_INTERVAL_MS", "1"),
        ("LOG_LEVEL", "loud"),
        ("COLUMNS", '{"workout.user_id": 5}'),
    ],
)
def test_a_wrong_setting_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=f"^{PREFIX}{name}: "):
        load_settings(home=tmp_path)


def test_each_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TONNAGE_PARTITIONS", "0")
    monkeypatch.setenv("TONNAGE_STATE", "disk")
    with pytest.raises(SettingsError, match=r"TONNAGE_PARTITIONS.*; TONNAGE_STATE"):
        load_settings(home=tmp_path)


def test_an_address_that_lacks_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"TONNAGE_SOURCE_DSN is not set.*`tonnage up`"):
        load_settings(home=tmp_path).need("source_dsn")


def test_the_stacks_file_fills_in_what_the_environment_leaves_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {"source_dsn": "postgresql://file", "connect_url": "http://file", "other": 1}
    (tmp_path / "stack.json").write_text(json.dumps(given))
    monkeypatch.setenv("TONNAGE_CONNECT_URL", "http://environment")
    settings = load_settings(home=tmp_path)
    assert settings.need("source_dsn") == "postgresql://file"
    assert settings.need("connect_url") == "http://environment"


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, jwt_secret="swordfish")
    assert settings.need("jwt_secret") == "swordfish"
    assert not re.search("swordfish", repr(settings))


def test_the_sources_names_are_settings(tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path,
        source_schema="gym",
        topic_prefix="app",
        columns={"workout.user_id": "owner_id"},
    )
    assert settings.topic("workouts") == "app.gym.workouts"
    assert settings.column("workout", "user_id") == "owner_id"
    assert settings.column("workout", "date") == "date"
