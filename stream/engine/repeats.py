"""Notices when events of the source are repeated: a part of its log that comes once more.

While a row's older event is applied again, its figures go back; they are right again when the
last repeated event has passed. The source's log tells: within a partition, the LSN of the last
commit, and then the event's own, never go back. Events of a snapshot have no such LSN and tell
nothing. How far a partition has come is kept in the step's state, so that it outlives workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stream.cdc.lsn import format_lsn
from stream.steps.step import Record, State

_KEY = b"\x00furthest:"


class Doubt(NamedTuple):
    """A partition whose figures can't be trusted; `reason` is None where they can be again."""

    name: str
    reason: str | None


class _Furthest(msgspec.Struct, array_like=True, frozen=True):
    """Up to which offset a partition was looked at, how far its log has come, where it is now."""

    offset: int
    furthest: tuple[int, int]
    now: tuple[int, int]

    @property
    def repeats(self) -> bool:
        return self.now < self.furthest


class _Source(msgspec.Struct):
    sequence: str | None = None


class _Event(msgspec.Struct):
    source: _Source | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_sequence = msgspec.json.Decoder(tuple[str | None, str | None]).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Furthest).decode


class Repeats:
    """Looks at the records of some topics."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = frozenset(topics)

    def look(
        self, batch: Mapping[int, Sequence[Record]], states: Mapping[int, State]
    ) -> Iterator[Doubt]:
        """Note how far each partition is; yield those that begin or cease to be in doubt.

        What was looked at before is left out: a batch that comes again is no repetition.
        """
        for partition, records in batch.items():
            own: dict[str, list[Record]] = {}
            for record in records:
                if record.topic in self._topics:
                    own.setdefault(record.topic, []).append(record)
            for topic, of_topic in own.items():
                doubt = _look(f"{topic}-{partition}", of_topic, states[partition], topic)
                if doubt is not None:
                    yield doubt


def _look(name: str, records: Sequence[Record], state: State, topic: str) -> Doubt | None:
    key = _KEY + topic.encode()
    held = state.get(key)
    before = _decode(held) if held is not None else _Furthest(-1, (0, 0), (0, 0))
    furthest, now = before.furthest, before.now
    for record in records:
        position = position_of(record.value) if record.offset > before.offset else None
        if position is not None:
            now = position
            furthest = max(furthest, position)
    after = _Furthest(max(before.offset, records[-1].offset), furthest, now)
    state.put(key, after.offset, _encode(after))
    if after.repeats:
        return Doubt(
            name,
            f"events of {name} are repeated, from {format_lsn(now[1])} on: figures go back until"
            f" {format_lsn(furthest[1])} has passed again",
        )
    return Doubt(name, None) if before.repeats else None


def position_of(event: bytes | None) -> tuple[int, int] | None:
    """Return an event's last commit and own LSN; None where it tells none."""
    if event is None:
        return None
    try:
        source = _decode_event(event).source
        if source is None or source.sequence is None:
            return None
        commit, own = _decode_sequence(source.sequence)
        return None if commit is None or own is None else (int(commit), int(own))
    except (msgspec.DecodeError, ValueError):
        return None
