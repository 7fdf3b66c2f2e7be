from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cdc.envelope import BadEventError, Change, EnvelopeReader
from stream.cdc.tables import PerformedColumns, WorkoutColumns
from stream.domain.workouts import Origin

WORKOUTS = EnvelopeReader(WorkoutColumns, {})
ROW = {"id": 1, "user_id": 2, "date": "2026-11-16T07:10:22Z", "name": "Leg day"}
COLUMNS = WorkoutColumns(1, 2, "2026-11-16T07:10:22Z", "Leg day")
SOURCE = {"lsn": 77, "ts_ms": 5, "ts_us": 5123, "snapshot": "false", "table": "workouts_workout"}
READ_AT_MS = 9


def event(op: str, after: Any = None, **more: Any) -> bytes:
    return json.dumps({"op": op, "after": after, "source": SOURCE, **more}).encode()


def change(value: bytes | None) -> Change[WorkoutColumns]:
    return WORKOUTS.change(value, READ_AT_MS)


@pytest.mark.parametrize("op", ["r", "c", "u"])
def test_a_row_that_is_there(op: str) -> None:
    assert change(event(op, ROW)) == Change(COLUMNS, Origin(77, 5123))


def test_columns_that_are_not_used_do_not_matter() -> None:
    assert change(event("c", {**ROW, "total_volume": 7, "extra": [1, {"a": None}]})).row == COLUMNS


def test_a_deletion_is_not_what_its_before_invents() -> None:
    invented = {"id": 1, "user_id": 0, "date": "1970-01-01T00:00:00Z", "name": ""}
    assert change(event("d", before=invented)) == Change(None, Origin(77, 5123))


def test_a_tombstone_is_a_deletion_at_the_records_time() -> None:
    assert change(None) == Change(None, Origin(0, READ_AT_MS * 1000))


def test_an_incremental_snapshot_has_no_lsn() -> None:
    assert change(event("r", ROW, source={"lsn": None, "ts_ms": 5})).origin == Origin(0, 5000)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{",
        event("z", ROW),
        event("t"),
        event("m"),
        event("c"),
        event("c", {**ROW, "user_id": "2"}),
        event("c", {**ROW, "user_id": None}),
        event("c", {**ROW, "user_id": 2**63}),
        event("c", {"id": 1, "date": ROW["date"], "name": None}),
        event("c", ROW, source={"lsn": -1}),
        event("c", ROW, source={"ts_us": 10**30}),
        event("c", ROW)[:-20] + b"\xff" + event("c", ROW)[-20:],
        event("c", {**ROW, "date": "\ud800"}),
        event("c", ROW).replace(b"Leg day", b"Leg \xff"),
        event("c", ROW)[:-1] + b',"deep":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_can_not_be_read_is_a_bad_event(value: bytes) -> None:
    with pytest.raises(BadEventError):
        change(value)


@given(st.binary())
def test_any_bytes_are_a_bad_event_and_nothing_else(value: bytes) -> None:
    with pytest.raises(BadEventError):
        change(value)


def test_a_key_is_the_rows_id() -> None:
    assert WORKOUTS.key(b'{"id":7}') == 7


@pytest.mark.parametrize(
    "key",
    [
        None,
        b"",
        b"7",
        b"\xff",
        b"{}",
        b'{"pk":7}',
        b'{"id":"7"}',
        b'{"id":true}',
        b'{"id":1e99}',
        b'{"id":9223372036854775808}',
        b'{"id":' + b"[" * 5000,
    ],
)
def test_what_is_no_integer_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(BadEventError):
        WORKOUTS.key(key)


def test_columns_of_other_names() -> None:
    reader = EnvelopeReader(WorkoutColumns, {"id": "pk", "user_id": "owner_id"})
    row = {"pk": 1, "owner_id": 2, "date": ROW["date"], "name": "Leg day"}
    assert reader.change(event("c", row), READ_AT_MS).row == COLUMNS
    assert reader.key(b'{"pk":7}') == 7


def test_a_null_list_is_not_a_missing_one() -> None:
    reader = EnvelopeReader(PerformedColumns, {})
    row: dict[str, Any] = {"id": 1, "workout_id": 2, "exercise_id": 3, "reps_per_set": "[1]"}
    assert reader.change(event("c", {**row, "weights_per_set": None}), READ_AT_MS).row is not None
    with pytest.raises(BadEventError, match="weights_per_set"):
        reader.change(event("c", row), READ_AT_MS)
