"""The three steps without a broker: logs in memory, and all that can happen to a delivery.

What stands in for the engine keeps its order of writes: changelog and outputs, then the
store, then the commit; a crash may come between any two. Records of one partition reach its
log in their order, so what a crash leaves of a batch in a log is a prefix.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from zlib import crc32
from zoneinfo import ZoneInfo

from stream.engine.keyvalue import MemoryKeyValue
from stream.engine.state import BatchState, PartitionStore
from stream.names import SourceTopics, Topics
from stream.steps.aggregate import Aggregate
from stream.steps.assemble import Assemble
from stream.steps.route import Route
from stream.steps.step import Message, Record, Step
from stream.steps.wire import Retry, encode
from tests.topology.source import EXERCISE, PERFORMED, WORKOUT

PARTITIONS = 2
SOURCE = SourceTopics(exercise="src.exercise", workout="src.workout", performed="src.performed")
TOPICS = Topics(SOURCE, generation=1, partitions=PARTITIONS)
TABLE_TOPICS = {EXERCISE: SOURCE.exercise, WORKOUT: SOURCE.workout, PERFORMED: SOURCE.performed}

Positions = dict[str, int]
"""The next offset to read, by topic."""


def steps(zone: ZoneInfo) -> tuple[Step, ...]:
    """Return the three steps in the order of the flow."""
    return Route(TOPICS, {}), Assemble(TOPICS, zone), Aggregate(TOPICS)


class Log:
    """A partition of a topic; compaction leaves holes in its offsets."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.records: list[Record] = []
        self.end = 0

    def append(self, key: bytes, value: bytes | None, timestamp_ms: int = 0) -> None:
        self.records.append(Record(self.topic, self.end, key, value, timestamp_ms))
        self.end += 1

    def read(self, begin: int, most: int) -> list[Record]:
        first = bisect_left(self.records, begin, key=lambda record: record.offset)
        return self.records[first : first + most]

    def repeat(self, count: int) -> None:
        """Append the last records once more, as a connector does that lost its offsets."""
        for record in self.records[-count:] if count else ():
            assert record.key is not None
            self.append(record.key, record.value, record.timestamp_ms)

    def compact(self, before: int) -> None:
        """Keep the newest record of each key below an offset, and all from there on."""
        newest = {record.key: record.offset for record in self.records if record.offset < before}
        self.records = [
            record
            for record in self.records
            if record.offset >= before or newest[record.key] == record.offset
        ]


@dataclass
class Copy:
    """One worker's copy of a step in a partition; a zombie is one that was replaced."""

    step: Step
    partition: int
    keys: MemoryKeyValue
    store: PartitionStore
    positions: Positions

    def twin(self) -> Copy:
        """Return the same state once more."""
        keys = MemoryKeyValue()
        keys.write(dict(self.keys.scan(b"")))
        store = PartitionStore(self.step, keys)
        return replace(self, keys=keys, store=store, positions=dict(self.positions))


@dataclass
class Write:
    """A record on its way to a log, or what the read store and the logs get of a message."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    version: int | None = None


@dataclass
class Fold:
    """A folded batch: what it writes, and where its copies stand after it."""

    copies: list[Copy]
    states: dict[int, BatchState]
    writes: dict[tuple[str, int], list[Write]]
    positions: dict[int, Positions]


@dataclass(frozen=True)
class Cut:
    """Which records a batch takes: masks of partitions and topics, and how many of each."""

    step: int
    partitions: int = 2**PARTITIONS - 1
    topics: int = 15
    size: int = 10**6


Versioned = tuple[int, bytes | None]


class Pipeline:
    """The steps' logs, owners and commits, and what the read store has taken."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.steps = steps(zone)
        self.logs: dict[tuple[str, int], Log] = {}
        self.committed: dict[tuple[int, int], Positions] = {}
        self.owners: dict[tuple[int, int], Copy] = {}
        self.zombies: list[Copy] = []
        self.read_store: dict[str, dict[bytes, Versioned]] = defaultdict(dict)
        self.on_output: Callable[[Write], None] = lambda write: None  # noqa: ARG005 - none listens
        self.on_fold: Callable[[Fold], None] = lambda fold: None  # noqa: ARG005 - the same
        for number, step in enumerate(self.steps):
            for partition in range(PARTITIONS):
                self.committed[number, partition] = dict.fromkeys(step.topics, 0)
                self.owners[number, partition] = self._copy(number, partition, MemoryKeyValue())

    def log(self, topic: str, partition: int) -> Log:
        return self.logs.setdefault((topic, partition), Log(topic))

    def emit(self, table: str, key: bytes, value: bytes | None, timestamp_ms: int) -> None:
        """Append an event of the source, in the partition of its key."""
        self.log(TABLE_TOPICS[table], crc32(key) % PARTITIONS).append(key, value, timestamp_ms)

    def ask_again(self, table: str, key: bytes) -> None:
        """Append a request to judge a row anew, in the partition that has its state."""
        request = encode(Retry(TABLE_TOPICS[table]))
        self.log(TOPICS.requests, crc32(key) % PARTITIONS).append(key, request)

    # -- running

    def fold(self, copies: list[Copy], cut: Cut) -> Fold:
        """Fold a batch without writing anything."""
        batch: dict[int, list[Record]] = {}
        positions: dict[int, Positions] = {}
        for copy in copies:
            records, after = self._read(copy, cut)
            if records:
                batch[copy.partition], positions[copy.partition] = records, after
        taking = [copy for copy in copies if copy.partition in batch]
        states = {copy.partition: copy.store.batch() for copy in taking}
        messages = self.steps[cut.step].fold(batch, states)
        fold = Fold(taking, states, self._writes(cut.step, states, messages), positions)
        self.on_fold(fold)
        return fold

    def run(self, cut: Cut) -> bool:
        """Run a batch to its commit; False where there was nothing to do."""
        fold = self.fold(self._owners(cut), cut)
        self._deliver(fold)
        self._store(fold)
        for copy in fold.copies:
            copy.positions = fold.positions[copy.partition]
            self.committed[cut.step, copy.partition] = dict(copy.positions)
        return bool(fold.copies)

    def drain(self, size: int = 10**6) -> None:
        """Run every step until nothing is left to be read."""
        while sum(self.run(Cut(step, size=size)) for step in range(len(self.steps))):
            pass

    # -- faults

    def crash(self, cut: Cut, written: int, *, lost: bool) -> None:
        """Kill the owners within a batch: `written` picks how much of it each log got."""
        fold = self.fold(self._owners(cut), cut)
        self._deliver(fold, written)
        for copy in fold.copies:
            self.hand_over(cut.step, copy.partition, lost=lost)

    def crash_changelog(self, step: int, missing: int) -> None:
        """Kill the owners when no output was written, and of the changelog all but so many."""
        fold = self.fold(self._owners(Cut(step)), Cut(step))
        changelog = TOPICS.changelog(self.steps[step].name)
        fold.writes = {
            (topic, partition): writes[: max(0, len(writes) - missing)]
            for (topic, partition), writes in fold.writes.items()
            if topic == changelog
        }
        self._deliver(fold)
        for copy in fold.copies:
            self.hand_over(step, copy.partition, lost=False)

    def crash_after_store(self, cut: Cut) -> None:
        """Kill the owners between the store and the commit."""
        fold = self.fold(self._owners(cut), cut)
        self._deliver(fold)
        self._store(fold)
        for copy in fold.copies:
            self.hand_over(cut.step, copy.partition, lost=False)

    def hand_over(self, step: int, partition: int, *, lost: bool) -> None:
        """Give a partition to another worker: with the local store, or without it."""
        keys = MemoryKeyValue() if lost else self.owners[step, partition].keys
        self._own(self._copy(step, partition, keys))

    def rewind(self, step: int, partition: int, back: int) -> None:
        """Set the commits of a partition back, as an older commit that won does."""
        committed = self.committed[step, partition]
        for topic, position in committed.items():
            committed[topic] = max(0, position - back)
        self.hand_over(step, partition, lost=False)

    def pause(self, step: int, partition: int) -> None:
        """Keep a twin of an owner, as it is, which will go on as a zombie."""
        self.zombies.append(self.owners[step, partition].twin())

    def wake(self, number: int, size: int, written: int | None) -> None:
        """Let a zombie run a batch; what it writes comes late, or in part where it dies."""
        zombie = self.zombies[number]
        step = self.steps.index(zombie.step)
        fold = self.fold([zombie], Cut(step, size=size))
        self._deliver(fold, written)
        if written is not None:
            self.zombies.pop(number)
        elif fold.copies:
            self._store(fold)
            zombie.positions = fold.positions[zombie.partition]

    def adopt(self, number: int) -> None:
        """Give the partition back to a zombie's worker, which still has its local store."""
        zombie = self.zombies.pop(number)
        self._own(self._copy(self.steps.index(zombie.step), zombie.partition, zombie.keys))

    def compact_source(self, table: str, partition: int) -> None:
        """Compact what every copy of the first step has passed."""
        topic = TABLE_TOPICS[table]
        readers = [self.committed[0, partition][topic]]
        readers += [
            zombie.positions[topic]
            for zombie in self.zombies
            if zombie.step is self.steps[0] and zombie.partition == partition
        ]
        self.log(topic, partition).compact(min(readers))

    def compact_ahead(self) -> None:
        """Compact the source's topics to their ends, whatever has not been read yet."""
        for topic in SOURCE.all:
            for partition in range(PARTITIONS):
                self.log(topic, partition).compact(self.log(topic, partition).end)

    def compact_changelog(self, step: int, partition: int) -> None:
        """Keep the newest record of each key, once the owner has looked who else wrote there."""
        self._restore(self.owners[step, partition])
        log = self._changelog(self.owners[step, partition])
        log.compact(log.end)

    # -- what the engine does

    def _owners(self, cut: Cut) -> list[Copy]:
        return [
            self.owners[cut.step, partition]
            for partition in range(PARTITIONS)
            if cut.partitions >> partition & 1
        ]

    def _read(self, copy: Copy, cut: Cut) -> tuple[list[Record], Positions]:
        topics = [
            topic
            for number, topic in enumerate(copy.step.topics)
            if len(copy.step.topics) == 1 or cut.topics >> number & 1
        ]
        if topics:  # topics come in any order
            turn = (cut.size + cut.topics) % len(topics)
            topics = topics[turn:] + topics[:turn]
        records: list[Record] = []
        after = dict(copy.positions)
        for topic in topics:
            found = self.log(topic, copy.partition).read(after[topic], cut.size)
            if found:
                records += found
                after[topic] = found[-1].offset + 1
        return records, after

    def _writes(
        self, step: int, states: Mapping[int, BatchState], messages: list[Message]
    ) -> dict[tuple[str, int], list[Write]]:
        changelog = TOPICS.changelog(self.steps[step].name)
        writes: dict[tuple[str, int], list[Write]] = defaultdict(list)
        for partition, state in states.items():
            for key, stored in state.durable.items():
                writes[changelog, partition].append(Write(changelog, partition, key, stored))
        for topic, partition, key, value, version in messages:
            writes[topic, partition].append(Write(topic, partition, key, value, version))
        return writes

    def _deliver(self, fold: Fold, written: int | None = None) -> None:
        """Append a batch's writes to the logs, or for each log a prefix."""
        for _, writes in sorted(fold.writes.items()):
            count = len(writes)
            if written is not None:
                written, count = divmod(written, len(writes) + 1)
            for write in writes[:count]:
                self._append(write)

    def _append(self, write: Write) -> None:
        if write.version is None:
            self.log(write.topic, write.partition).append(write.key, write.value)
            return
        self.on_output(write)
        rows = self.read_store[write.topic]
        held = rows.get(write.key)
        if held is None or held[0] <= write.version:
            rows[write.key] = write.version, write.value

    def _changelog(self, copy: Copy) -> Log:
        return self.log(TOPICS.changelog(copy.step.name), copy.partition)

    def _store(self, fold: Fold) -> None:
        """Write a batch to its copies' stores, or restore them where somebody else wrote too."""
        for copy in fold.copies:
            state, end = fold.states[copy.partition], self._changelog(copy).end
            if end == copy.store.position + len(state.durable):
                copy.store.write(state, end)
            else:
                self._restore(copy)

    def _restore(self, copy: Copy) -> None:
        """Bring a store to its changelog's end; write again what an older record would hide."""
        log = self._changelog(copy)
        hidden: set[bytes] = set()
        for records in _chunks(log.read(copy.store.position, log.end), 3):
            pairs = [(record.key or b"", record.value or b"") for record in records]
            for key, current in copy.store.restore(pairs, records[-1].offset + 1).items():
                (hidden.discard if current else hidden.add)(key)
        for key in sorted(hidden):
            log.append(key, copy.store.stored(key))

    def _copy(self, step: int, partition: int, keys: MemoryKeyValue) -> Copy:
        """Open a store, bring it to its changelog's end, and begin at the commits."""
        store = PartitionStore(self.steps[step], keys)
        positions = dict(self.committed[step, partition])
        copy = Copy(self.steps[step], partition, keys, store, positions)
        self._restore(copy)
        return copy

    def _own(self, copy: Copy) -> None:
        self.owners[self.steps.index(copy.step), copy.partition] = copy


def _chunks(records: list[Record], size: int) -> Iterator[list[Record]]:
    return (records[n : n + size] for n in range(0, len(records), size))
