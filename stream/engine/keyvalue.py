"""Where a partition's state is kept: RocksDB on disk, or memory. One contract test runs on both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
)
from sortedcontainers import SortedDict

BLOCK_CACHE_BYTES = 32 << 20
"""One cache for all partitions of a process; the library's default is 2 GiB for each."""

WRITE_BUFFERS_BYTES = 32 << 20
"""What the partitions of a process may hold together before they write it to files.

Without it each fills buffers of its own, so that memory grows with the partitions.
"""


class KeyValue(Protocol):
    """An ordered map of bytes that writes many keys at once, or none of them."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the keys that begin with `prefix`, in their order."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes or none; None deletes."""

    def close(self) -> None:
        """Let go of what is held open."""

    def destroy(self) -> None:
        """Close, and delete everything."""


class MemoryKeyValue:
    """State in memory: gone with the process, restored from the changelog."""

    def __init__(self) -> None:
        self._map: SortedDict[bytes, bytes] = SortedDict()

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        found: bytes | None = self._map.get(key)
        return found

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the keys that begin with `prefix`, in their order."""
        keys = takewhile(lambda key: key.startswith(prefix), self._map.irange(minimum=prefix))
        return iter([(key, self._map[key]) for key in keys])

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes; None deletes."""
        for key, value in changes.items():
            if value is None:
                self._map.pop(key, None)
            else:
                self._map[key] = value

    def close(self) -> None:
        """Hold nothing open."""

    def destroy(self) -> None:
        """Delete everything."""
        self._map.clear()


_cache = Cache(BLOCK_CACHE_BYTES)
write_buffers = WriteBufferManager(WRITE_BUFFERS_BYTES, allow_stall=False)


class RocksKeyValue:
    """State on disk in RocksDB, with bounded memory.

    The write-ahead log is kept by the operating system, not forced to disk: a killed process
    loses nothing, and a machine that fails restores from the changelog.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = Rdict(str(path), _options(), access_type=AccessType.read_write())

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        found: bytes | None = self._db.get(key)
        return found

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the keys that begin with `prefix`, in their order."""
        for key, value in self._db.items(from_key=prefix):
            if not key.startswith(prefix):
                return
            yield key, value

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes or none; None deletes."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self._db.write(batch)

    def close(self) -> None:
        """Close the files."""
        self._db.close()

    def destroy(self) -> None:
        """Close and delete the files."""
        self._db.close()
        self.remove(self._path)

    @staticmethod
    def remove(path: Path) -> None:
        """Delete the files of a store that is not open."""
        shutil.rmtree(path, ignore_errors=True)


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.set_write_buffer_manager(write_buffers)
    options.set_write_buffer_size(WRITE_BUFFERS_BYTES // 2)
    options.set_keep_log_file_num(1)
    options.set_max_open_files(256)
    table = BlockBasedOptions()
    table.set_block_cache(_cache)
    table.set_bloom_filter(10.0, block_based=False)
    table.set_cache_index_and_filter_blocks(True)
    options.set_block_based_table_factory(table)
    return options
