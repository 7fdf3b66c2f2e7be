"""How far a rebuild is, told to whoever watches it."""

from __future__ import annotations

from collections.abc import Callable

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from connectors.scanning import Scanning
from stream.admin import kafka_admin
from stream.generations import Generation, settings_of
from stream.settings import Settings
from stream.topology import topics_of

Seen = Callable[[str, int, int], None]
"""Takes what is being done, and how much of how much is done; a total of 0 is not known."""


def tell(settings: Settings, generation: Generation, scanning: Scanning | None, seen: Seen) -> None:
    """Tell how far a generation is: reading the source, then processing its topics."""
    if scanning is not None and not scanning.over:
        for scan in scanning.look():
            what = f"reading {scan.table}, table {scan.number} of {scan.tables}"
            seen(what, scan.rows, scan.total)
    if scanning is None or scanning.over:
        works = runs(settings, generation)
        seen("building" if works else "waiting for a worker", *records(settings, generation))


def records(settings: Settings, generation: Generation) -> tuple[int, int]:
    """Return how many records of the source topics a generation has processed, and of how many."""
    topics = topics_of(settings_of(settings, generation.capture), generation.number)
    wanted = [TopicPartition(t, p) for t in topics.source.all for p in range(topics.partitions)]
    with kafka_admin(settings) as admin:
        if not set(topics.source.all) <= set(admin.list_topics()):
            return 0, 0
        ends = admin.list_partition_offsets(dict.fromkeys(wanted, OffsetSpec.LATEST))
        held = admin.list_group_offsets(topics.group)[topics.group]
    done = sum(held[tp].offset for tp in wanted if tp in held)
    return done, sum(each.offset for each in ends.values())


def runs(settings: Settings, generation: Generation) -> bool:
    """Tell whether a worker runs a generation: none does with other settings than its own."""
    group = topics_of(settings, generation.number).group
    with kafka_admin(settings) as admin:
        return bool(admin.describe_groups([group])[group]["members"])
