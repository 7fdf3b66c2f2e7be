from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from stream.engine.keyvalue import MemoryKeyValue
from stream.engine.state import BatchState, PartitionStore, pack, version_of
from stream.steps.step import Batch, Message, Restored, State


class Derives:
    """A step that only derives: for each key, what it was and what it is."""

    name = "derives"
    topics: tuple[str, ...] = ()

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        raise NotImplementedError

    def derive(self, state: State, restored: Iterable[Restored]) -> None:
        for key, old, new in restored:
            state.put_local(b"of " + key, (old or b"-") + b">" + new)


@pytest.fixture
def store() -> PartitionStore:
    return PartitionStore(Derives(), MemoryKeyValue())


def written(store: PartitionStore, key: bytes, version: int, value: bytes) -> BatchState:
    batch = store.batch()
    batch.put(key, version, value)
    store.write(batch, store.position + 1)
    return store.batch()


@pytest.mark.parametrize("version", [-1, 0, 2**63 - 1])
def test_a_version_is_read_as_it_is_packed(version: int) -> None:
    assert version_of(pack(version, b"value")) == version


def test_a_batch_sees_the_store_and_its_own_writes_above(store: PartitionStore) -> None:
    batch = written(store, b"a", 1, b"old")
    assert batch.get(b"a") == b"old"
    batch.put(b"a", 2, b"")
    assert batch.get(b"a") == b""
    assert store.batch().get(b"a") == b"old"


def test_a_scan_sees_the_batchs_changes_in_order(store: PartitionStore) -> None:
    batch = store.batch()
    for key in (b"x1", b"x3", b"y"):
        batch.put_local(key, b"old")
    store.write(batch, 0)
    batch = store.batch()
    batch.put_local(b"x3", None)
    batch.put_local(b"x2", b"new")
    assert list(batch.scan_local(b"x")) == [(b"x1", b"old"), (b"x2", b"new")]
    assert batch.get_local(b"x3") is None


def test_what_is_derived_is_in_no_changelog(store: PartitionStore) -> None:
    batch = store.batch()
    batch.put_local(b"x", b"1")
    assert batch.durable == {}


def test_the_position_is_stored_with_the_batch(store: PartitionStore) -> None:
    written(store, b"a", 1, b"1")
    assert store.position == 1


def test_a_restore_keeps_the_highest_version_not_the_last_record(store: PartitionStore) -> None:
    store.restore([(b"a", pack(2, b"new")), (b"a", pack(1, b"late"))], 2)
    assert store.batch().get(b"a") == b"new"
    assert store.position == 2


def test_a_restore_does_not_go_below_the_store(store: PartitionStore) -> None:
    written(store, b"a", 5, b"held")
    store.restore([(b"a", pack(4, b"late"))], 2)
    assert store.batch().get(b"a") == b"held"


def test_of_equal_versions_the_last_record_counts(store: PartitionStore) -> None:
    store.restore([(b"a", pack(1, b"first")), (b"a", pack(1, b"second"))], 2)
    assert store.batch().get(b"a") == b"second"


def test_a_restore_names_the_keys_that_an_older_record_hides(store: PartitionStore) -> None:
    records = [(b"a", pack(2, b"2")), (b"a", pack(1, b"1")), (b"b", pack(1, b"1"))]
    assert store.restore(records, 3) == {b"a": False, b"b": True}
    assert store.restore([(b"a", pack(2, b"2"))], 4) == {b"a": True}


def test_a_restore_derives_from_what_was_held_and_what_is(store: PartitionStore) -> None:
    written(store, b"a", 1, b"1")
    store.restore([(b"a", pack(2, b"2")), (b"a", pack(3, b"3")), (b"b", pack(1, b"1"))], 4)
    assert store.batch().get_local(b"of a") == b"1>3"
    assert store.batch().get_local(b"of b") == b"->1"


def test_the_position_never_goes_back(store: PartitionStore) -> None:
    store.restore([(b"a", pack(1, b"1"))], 9)
    store.restore([(b"a", pack(1, b"1"))], 4)
    assert store.position == 9
