"""What a step is: a pure fold of records over a partition's state, giving messages.

The rules that every step keeps:

1. The version of a value is the offset of its message in the step's own log. A message below
   the version that is held is ignored; at the version, the unchanged state and all outputs
   that it could have caused are said again; above it, it is applied.
2. An upstream repetition (a higher offset, nothing new in it) changes and says nothing.
3. Old values come from the step's state, never from the message.
4. Gates outlive values: what is removed leaves its version behind.
5. Everything that a message can affect can be named from the message and the state of the
   keys it names, so that a crash between any two writes is mended by the message itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A record as it was read: its place in the log, and its raw bytes."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Sequence[tuple[str, bytes]] = ()


class Message(NamedTuple):
    """A record to be written.

    `version` travels in a header, since tombstones need it too; None between steps, where the
    offset itself is the version.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    version: int | None


class Restored(NamedTuple):
    """A key that a restore has brought up to date: what was held before, and what is now."""

    key: bytes
    old: bytes | None
    new: bytes


class State(Protocol):
    """A partition's state, as a step sees it within a batch: its own writes included."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""

    def put(self, key: bytes, version: int, value: bytes) -> None:
        """Write a value, to the changelog too."""

    def get_local(self, key: bytes) -> bytes | None:
        """Return what was derived for a key."""

    def scan_local(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the derived keys that begin with `prefix`, in their order."""

    def put_local(self, key: bytes, value: bytes | None) -> None:
        """Write what is derived from other keys; it is in no changelog. None deletes."""


Batch = Mapping[int, Sequence[Record]]
"""Records of one step in log order, by partition."""


class Step(Protocol):
    """A stage of the flow."""

    name: str
    topics: tuple[str, ...]

    def fold(self, batch: Batch, states: Mapping[int, State]) -> list[Message]:
        """Apply a batch to the partitions' states and return what follows."""

    def derive(self, state: State, restored: Iterable[Restored]) -> None:
        """Keep what is derived from restored keys right."""
