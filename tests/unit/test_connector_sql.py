"""The SQL that people run by hand."""

from __future__ import annotations

from connectors.blocks import blocks
from connectors.capture import as_sql
from stream.settings import Settings

SETTINGS = Settings.model_validate(
    {
        "source_schema": "gym",
        "capture_user": 'o"dd',
        "publication": "it's",
        "capture_password": "pw",
    }
)


def test_names_are_quoted() -> None:
    script = as_sql(SETTINGS)
    assert 'CREATE ROLE "o""dd" LOGIN REPLICATION' in script
    assert "pubname = 'it''s'" in script
    assert '"gym"."exercise"' in script


def test_the_password_is_not_in_the_script() -> None:
    script = as_sql(SETTINGS)
    assert "'pw'" not in script
    assert "PASSWORD :'capture_password'" in script


def test_nothing_of_the_apps_tables_is_changed() -> None:
    script = as_sql(SETTINGS).upper()
    assert not [word for word in ("TRIGGER", "ALTER TABLE", "REPLICA IDENTITY") if word in script]


def test_blocks_are_found_in_their_order() -> None:
    names = ["role", "password", "heartbeat", "grants", "publication"]
    assert list(blocks("capture.sql")) == names
