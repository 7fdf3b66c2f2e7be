"""What every place for state keeps, in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.engine import keyvalue
from stream.engine.keyvalue import KeyValue, MemoryKeyValue, RocksKeyValue
from tests.e2e.pipeline import until


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyValue]:
    made: KeyValue = (
        MemoryKeyValue() if request.param == "memory" else RocksKeyValue(tmp_path / "0")
    )
    yield made
    made.close()


def test_what_was_not_written_is_none(store: KeyValue) -> None:
    assert store.get(b"a") is None


def test_what_was_written_last_is_read(store: KeyValue) -> None:
    store.write({b"a": b"1", b"b": b"2"})
    store.write({b"a": b"3"})
    assert (store.get(b"a"), store.get(b"b")) == (b"3", b"2")


def test_an_empty_value_is_a_value(store: KeyValue) -> None:
    store.write({b"a": b""})
    assert store.get(b"a") == b""
    assert list(store.scan(b"a")) == [(b"a", b"")]


def test_none_deletes(store: KeyValue) -> None:
    store.write({b"a": b"1", b"b": b"2"})
    store.write({b"a": None, b"never there": None})
    assert store.get(b"a") is None
    assert list(store.scan(b"")) == [(b"b", b"2")]


def test_keys_and_values_are_any_bytes(store: KeyValue) -> None:
    every = bytes(range(256))
    store.write({every: every})
    assert store.get(every) == every


def test_a_scan_goes_through_a_prefix_in_the_order_of_bytes(store: KeyValue) -> None:
    keys = [b"a", b"b", b"b\x00", b"b\x7f", b"b\x80", b"b\xff\xff", b"c"]
    store.write(dict.fromkeys(reversed(keys), b""))
    assert [key for key, _ in store.scan(b"b")] == keys[1:-1]


@pytest.mark.parametrize("prefix", [b"\xff", b"", b"zz"])
def test_a_scan_ends_at_the_end(store: KeyValue, prefix: bytes) -> None:
    store.write({prefix + b"\xff\xff": b"1"})
    assert list(store.scan(prefix)) == [(prefix + b"\xff\xff", b"1")]


def test_a_scan_of_nothing_is_empty(store: KeyValue) -> None:
    store.write({b"a": b"1", b"c": b"2"})
    assert list(store.scan(b"b")) == []


def test_an_empty_write_changes_nothing(store: KeyValue) -> None:
    store.write({})
    assert list(store.scan(b"")) == []


def test_rocksdb_keeps_what_was_written_when_it_is_closed(tmp_path: Path) -> None:
    first = RocksKeyValue(tmp_path / "deep" / "0")
    first.write({b"a": b"1"})
    first.close()
    again = RocksKeyValue(tmp_path / "deep" / "0")
    assert again.get(b"a") == b"1"
    again.close()


def test_rocksdb_leaves_no_file_once_it_is_destroyed(tmp_path: Path) -> None:
    store = RocksKeyValue(tmp_path / "0")
    store.write({b"a": b"1"})
    store.destroy()
    assert list(tmp_path.iterdir()) == []


def test_many_rocksdbs_together_hold_no_more_than_they_may(tmp_path: Path) -> None:
    bound = keyvalue.WRITE_BUFFERS_BYTES
    stores = [RocksKeyValue(tmp_path / str(number)) for number in range(16)]
    value = bytes(64 << 10)
    for number in range(2 * bound // len(value)):
        stores[number % len(stores)].write({b"%d" % number: value})
    assert keyvalue.write_buffers.get_usage() > 0
    until(lambda: keyvalue.write_buffers.get_usage() <= bound, "files, written beside the writer")
    for store in stores:
        store.destroy()


def test_memory_is_empty_once_it_is_destroyed() -> None:
    store = MemoryKeyValue()
    store.write({b"a": b"1"})
    store.destroy()
    assert store.get(b"a") is None
