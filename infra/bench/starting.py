"""How soon a worker is back, and how much memory it takes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from time import monotonic

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.bench.engines import engine
from infra.bench.figure import Figure, Target, compare
from infra.bench.ground import ALL, Stage, stage
from infra.bench.population import Population
from infra.bench.replaying import begin_anew, stop_workers
from infra.bench.suite import Bench, Run
from infra.bench.waiting import reached, served
from infra.caught_up import current_lsn
from stream.generations import settings_of
from stream.reset import publish_again
from stream.topology import changelogs, topics_of

FEW = Population(users=10, weeks=260, a_week=1, exercises=4)
MAY_START_LATER_SECONDS = 3.0
MAY_GROW_MB = 40.0
"""For each thousand users of five years."""


def measure_start(run: Run) -> Iterator[Figure]:
    """Start an engine with its state, without it, and read its changelogs by a bare consumer."""
    found = run.shared()
    with_state: list[float] = []
    without: list[float] = []
    bare: list[float] = []
    generation = stop_workers(found)
    own = settings_of(found.settings, generation.capture)
    topics = topics_of(own, generation.number)
    for _ in run.turns("a start"):
        bare.append(uvloop.run(_read(own.need("bootstrap_servers"), changelogs(own, topics))))
        shutil.rmtree(found.settings.state_folder / topics.group, ignore_errors=True)
        for took in (without, with_state):
            began = monotonic()
            with engine(found, generation):
                took.append(monotonic() - began)
    found.supervisor.start("worker_0")
    later = [max(ours - peer, 0) for ours, peer in zip(with_state, bare, strict=True)]
    allowed = [MAY_START_LATER_SECONDS] * len(later)
    peer = f"{MAY_START_LATER_SECONDS:g} s more than a bare consumer takes to read the changelogs"
    target = Target(1.0, "lower", peer)
    yield compare("start-with-state", target, (later, allowed), "s", bench=START.name)
    target = Target(3.0, "lower", "a bare consumer that reads the changelogs")
    yield compare("start-without-state", target, (without, bare), "s", bench=START.name)


def measure_memory(run: Run) -> Iterator[Figure]:
    """Build many users and a few, and compare what the engine holds then."""
    found = run.shared()
    many = _megabytes(found)
    with stage(FEW) as small:
        lsn = current_lsn(small.settings)
        small.up(ALL)
        served(small, lsn)
        few = _megabytes(small)
    users = found.population.users - FEW.users
    grown = (many - few) / users * 1000
    peer = f"{MAY_GROW_MB:g} MB for each 1,000 users of 5 years, beyond a worker with 10 users"
    target = Target(1.0, "lower", peer)
    yield compare("memory", target, ([max(grown, 0.0)], [MAY_GROW_MB]), "MB", bench=MEMORY.name)


def _megabytes(found: Stage) -> float:
    """Return what an engine holds when it has built everything: its memory that nobody shares."""
    generation = begin_anew(found)
    lsn = current_lsn(found.settings)
    with engine(found, generation) as process:
        reached(found, lsn)
        held = float(process.memory_full_info().uss)
        publish_again(found.settings, generation)
    found.supervisor.start("worker_0")
    return held / 1e6


async def _read(bootstrap_servers: str, topics: tuple[str, ...]) -> float:
    """Read topics from their begin to their end, and do nothing with them; return the seconds."""
    began = monotonic()
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, max_partition_fetch_bytes=4 << 20, check_crcs=False
    ) as consumer:
        places = [
            TopicPartition(topic, number)
            for topic in topics
            for number in await _partitions(consumer, topic)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            await consumer.getmany(timeout_ms=100)
    return monotonic() - began


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    while not (found := consumer.partitions_for_topic(topic)):
        await consumer._client.force_metadata_update()  # noqa: SLF001 - it knows no other way
        await asyncio.sleep(0)
    return set(found)


START = Bench("start", "start of a worker with a full changelog", measure_start)
MEMORY = Bench("memory", "memory of a worker, by its users", measure_memory)
