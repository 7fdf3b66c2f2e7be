from __future__ import annotations

import json

from stream.engine.keyvalue import MemoryKeyValue
from stream.engine.repeats import Doubt, Repeats, position_of
from stream.engine.state import BatchState
from stream.steps.step import Record

TOPIC = "fit.public.workouts_workout"
NAME = f"{TOPIC}-0"


def event(offset: int, commit: int | None, lsn: int) -> Record:
    sequence = json.dumps([None if commit is None else str(commit), str(lsn)])
    return Record(TOPIC, offset, b"k", json.dumps({"source": {"sequence": sequence}}).encode(), 0)


class Partition:
    """A partition's state through batches."""

    def __init__(self) -> None:
        self._store = MemoryKeyValue()
        self._repeats = Repeats([TOPIC])

    def look(self, *records: Record) -> list[Doubt]:
        state = BatchState(self._store)
        doubts = [*self._repeats.look({0: records}, {0: state})]
        self._store.write(dict(state.durable))
        return doubts


def test_a_log_that_goes_on_is_in_no_doubt() -> None:
    partition = Partition()
    assert partition.look(event(0, None, 90), event(1, 100, 110), event(2, 100, 120)) == []
    assert partition.look(event(3, 130, 105)) == []


def test_a_repetition_is_in_doubt_until_it_has_passed() -> None:
    partition = Partition()
    partition.look(event(0, 100, 110), event(1, 130, 140), event(2, 150, 160))
    (doubt,) = partition.look(event(3, 100, 110))
    assert doubt.name == NAME
    assert "repeated" in str(doubt.reason)
    (doubt,) = partition.look(event(4, 130, 140))
    assert doubt.reason is not None
    assert partition.look(event(5, 150, 160)) == [Doubt(NAME, None)]
    assert partition.look(event(6, 170, 180)) == []


def test_a_repetition_within_a_batch_changes_nothing_that_is_seen() -> None:
    partition = Partition()
    first, second = (100, 110), (130, 140)
    records = [event(number, *at) for number, at in enumerate([first, second, first, second])]
    assert partition.look(*records) == []


def test_a_batch_that_comes_again_is_no_repetition() -> None:
    partition = Partition()
    batch = [event(0, 100, 110), event(1, 130, 140)]
    partition.look(*batch)
    assert partition.look(*batch) == []


def test_events_that_tell_no_position_are_left_out() -> None:
    assert position_of(None) is None
    assert position_of(b"{}") is None
    assert position_of(b"no JSON") is None
    assert position_of(b'{"source": {"sequence": "[null, \\"7\\"]"}}') is None
    assert position_of(b'{"source": {"sequence": "[\\"5\\", \\"7\\"]"}}') == (5, 7)
    partition = Partition()
    partition.look(event(0, 100, 110))
    assert partition.look(Record(TOPIC, 1, b"k", None, 0), event(2, None, 5)) == []
