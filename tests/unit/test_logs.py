"""Lines of the logs: for people, or a JSON object each."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from stream.engine.runner import positions_of
from stream.logs import JsonFormatter, configuration, request_id
from stream.settings import load_settings
from stream.steps.step import Record


def line(message: str, *arguments: object, **extra: object) -> dict[str, Any]:
    record = logging.getLogger("a.b").makeRecord(
        "a.b", logging.WARNING, "file.py", 1, message, arguments, None, extra=extra
    )
    found: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return found


def test_a_line_has_its_message_and_what_it_is_about_in_fields() -> None:
    found = line("%s failed", "route", topic="rows", partition=2, offset=41)
    assert found.pop("time").endswith("+00:00")
    assert found.pop("process") > 0
    assert found == {
        "level": "WARNING",
        "logger": "a.b",
        "message": "route failed",
        "topic": "rows",
        "partition": 2,
        "offset": 41,
    }


def test_a_line_names_the_request_that_is_answered() -> None:
    assert "request_id" not in line("nobody asks")
    token = request_id.set("a-request")
    try:
        assert line("somebody asks")["request_id"] == "a-request"
    finally:
        request_id.reset(token)


def test_an_exception_is_a_field_and_a_line_stays_one() -> None:
    error = ValueError("two\nlines")
    record = logging.makeLogRecord({"msg": "failed", "exc_info": (ValueError, error, None)})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "ValueError: two\nlines" in json.loads(text)["error"]


def test_what_has_no_json_is_told_as_text() -> None:
    assert line("odd", thing=object)["thing"] == "<class 'object'>"


@pytest.mark.parametrize("kind", ["text", "json"])
def test_the_setting_says_which(kind: str) -> None:
    found = configuration(load_settings(log=kind, log_level="ERROR"))
    assert found["root"]["level"] == "ERROR"
    assert (found["formatters"]["default"] == {"()": JsonFormatter}) == (kind == "json")


def test_a_batch_is_named_by_its_first_and_last_offsets() -> None:
    batch = {
        1: [Record("rows", 4, None, None, 0), Record("other", 9, None, None, 0)],
        2: [Record("rows", 7, None, None, 0), Record("rows", 8, None, None, 0)],
    }
    assert positions_of(batch) == {"rows-1": [4, 4], "other-1": [9, 9], "rows-2": [7, 8]}
