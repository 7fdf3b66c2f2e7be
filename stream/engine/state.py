"""A step's state in one partition: a local store in front of a changelog.

A value is stored behind its version. The changelog is always ahead of the store, never behind:
a batch's changes are acknowledged by the broker before they are written here, together with
the changelog's position. A restore keeps the highest version of a key, not the last record,
so that a late writer that was replaced long ago can't take anything back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct

from stream.engine.keyvalue import KeyValue
from stream.steps.step import Restored, Step

_version = Struct(">q")
_POSITION = b"\x00changelog-position"


def pack(version: int, value: bytes) -> bytes:
    """Put a version before a value."""
    return _version.pack(version) + value


def version_of(stored: bytes) -> int:
    """Return the version of a stored value."""
    version: int = _version.unpack_from(stored)[0]
    return version


class BatchState:
    """What a step reads and writes in a batch: the store below, the batch's changes above."""

    def __init__(self, store: KeyValue) -> None:
        self._store = store
        self.durable: dict[bytes, bytes] = {}
        self.local: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, its version left out."""
        stored = self.durable.get(key) or self._store.get(key)
        return None if stored is None else stored[_version.size :]

    def put(self, key: bytes, version: int, value: bytes) -> None:
        """Write a value, to the changelog too."""
        self.durable[key] = pack(version, value)

    def get_local(self, key: bytes) -> bytes | None:
        """Return what was derived for a key."""
        return self.local[key] if key in self.local else self._store.get(key)

    def scan_local(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the derived keys that begin with `prefix`, in their order."""
        found: dict[bytes, bytes | None] = dict(self._store.scan(prefix))
        changed = {key: value for key, value in self.local.items() if key.startswith(prefix)}
        for key, value in sorted((found | changed).items()):
            if value is not None:
                yield key, value

    def put_local(self, key: bytes, value: bytes | None) -> None:
        """Write what is derived from other keys; None deletes."""
        self.local[key] = value


class PartitionStore:
    """A step's store of one partition, and how far it has read its changelog."""

    def __init__(self, step: Step, store: KeyValue) -> None:
        self._step = step
        self._store = store

    def batch(self) -> BatchState:
        """Begin a batch."""
        return BatchState(self._store)

    @property
    def position(self) -> int:
        """The next offset of the changelog that is not in the store yet."""
        stored = self._store.get(_POSITION)
        return int(stored) if stored is not None else 0

    def write(self, batch: BatchState, position: int) -> None:
        """Write a batch whose changes the broker has acknowledged up to `position`.

        Where another's records came between what was read and the batch's own, the position
        stays before them: they have not been read, and the next restore will.
        """
        held = self.position
        begin = position - len(batch.durable)
        self._write(batch, position if begin <= held < position else held)

    def _write(self, batch: BatchState, position: int) -> None:
        self._store.write({**batch.durable, **batch.local, _POSITION: b"%d" % position})

    def stored(self, key: bytes) -> bytes | None:
        """Return a key's value behind its version, as the changelog has it."""
        return self._store.get(key)

    def restore(self, records: Sequence[tuple[bytes, bytes]], position: int) -> dict[bytes, bool]:
        """Take up (key, stored value) records of the changelog, the highest version of each.

        Returns for each key whether its last record is up to date: one that is not hides a
        higher version from compaction.
        """
        before: dict[bytes, bytes | None] = {}
        newest: dict[bytes, bytes] = {}
        current: dict[bytes, bool] = {}
        for key, stored in records:
            if key not in before:
                before[key] = self._store.get(key)
            known = newest.get(key) or before[key]
            current[key] = known is None or version_of(stored) >= version_of(known)
            if current[key]:
                newest[key] = stored
        batch = self.batch()
        batch.durable = newest
        self._step.derive(
            batch,
            [
                Restored(key, (old := before[key]) and old[_version.size :], new[_version.size :])
                for key, new in newest.items()
            ],
        )
        self._write(batch, max(position, self.position))
        return current

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def destroy(self) -> None:
        """Delete the store."""
        self._store.destroy()
