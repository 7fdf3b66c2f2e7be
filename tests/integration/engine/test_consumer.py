"""The consumer that hands steps what it fetches: nothing is lost, and nothing stalls."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from faust.types import TP

from stream.engine.consumer import PARTITION_FETCH_BYTES, StepConsumer
from stream.engine.outbox import MAX_MESSAGE_BYTES, Outbox, Outgoing
from stream.engine.runner import Fetched, InterruptedRunError
from tests.integration.engine.harness import PARTITIONS, Broker, Seen, until, worker

pytestmark = pytest.mark.stack


def numbers(count: int, begin: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(begin, begin + count)]


def test_positions_pass_the_markers_of_transactions(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        seen = Seen(topic)
        async with worker(broker, group, tmp_path, seen):
            broker.send(topic, numbers(40), transactions=5)
            ends = broker.ends(topic)
            assert sum(ends.values()) > 40
            await until(lambda: broker.committed(group, topic) == ends, "no lag")
        assert sorted(seen.values) == sorted(numbers(40))

    asyncio.run(scenario())


def test_what_was_rolled_back_is_never_seen(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        broker.roll_back(topic, numbers(4))
        broker.send(topic, [b"stands"], transactions=1)
        seen = Seen(topic)
        async with worker(broker, group, tmp_path, seen):
            await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
        assert seen.values == [b"stands"]

    asyncio.run(scenario())


def test_a_record_that_is_larger_than_a_fetch_is_seen(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    largest = b"x" * (MAX_MESSAGE_BYTES - 1000)
    assert len(largest) > PARTITION_FETCH_BYTES

    async def scenario() -> None:
        async with Outbox(broker.brokers) as outbox:
            await outbox.send(Outgoing(topic, 1, b"k", largest, ()) for _ in range(3))
        seen = Seen(topic)
        async with worker(broker, group, tmp_path, seen):
            await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
        assert seen.values == [largest] * 3

    asyncio.run(scenario())


def test_commits_go_on_after_a_restart(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        for run in range(3):
            seen = Seen(topic)
            broker.send(topic, numbers(20, 100 * run))
            async with worker(broker, group, tmp_path, seen):
                await until(
                    lambda: broker.committed(group, topic) == broker.ends(topic), "a first commit"
                )
                broker.send(topic, numbers(20, 100 * run + 20))
                await until(
                    lambda: broker.committed(group, topic) == broker.ends(topic), "another commit"
                )
            assert sorted(map(int, seen.values)) == list(range(100 * run, 100 * run + 40))

    asyncio.run(scenario())


def test_nothing_is_fetched_before_positions_are_sought(
    broker: Broker, topic: str, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetchable: list[set[TP]] = []
    seek = StepConsumer.perform_seek

    async def watched(consumer: StepConsumer) -> None:
        fetchable.append(set(consumer._get_active_partitions()))  # noqa: SLF001 - Faust's own word
        await seek(consumer)

    monkeypatch.setattr(StepConsumer, "perform_seek", watched)

    async def scenario() -> None:
        seen = Seen(topic)
        async with worker(broker, group, tmp_path, seen):
            broker.send(topic, numbers(4))
            await until(lambda: len(seen.values) == 4, "records after the seek")

    asyncio.run(scenario())
    assert fetchable
    assert all(each == set() for each in fetchable)


def test_a_fetch_that_outlives_a_rebalance_loses_nothing(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        seen = Seen(topic)
        async with worker(broker, group, tmp_path, seen) as app:
            broker.send(topic, [b"before"])
            await until(lambda: seen.values == [b"before"], "the first record")
            app.consumer_generation_id += 1  # while the next fetch waits already
            broker.send(topic, [b"after"])
            await until(lambda: seen.values == [b"before", b"after"], "the second record")

    asyncio.run(scenario())


def test_a_slow_step_holds_back_no_other(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        slow, quick = Seen(broker.topic()), Seen(topic)
        slow.gate.clear()
        async with worker(broker, group, tmp_path, slow, quick):
            broker.send(slow.topics[0], numbers(4))
            await until(lambda: slow.begun > 0, "a batch in flight")
            broker.send(topic, numbers(8))
            await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
            assert sum(broker.committed(group, slow.topics[0]).values()) < 4
            slow.gate.set()
            await until(lambda: len(slow.values) == 4, "the slow step")

    asyncio.run(scenario())


class Failing(Seen):
    """A step that raises on what it is given."""

    def __init__(self, topic: str, error: BaseException) -> None:
        super().__init__(topic)
        self.error = error

    async def run(self, batch: Fetched) -> None:
        await super().run(batch)
        raise self.error


@pytest.mark.parametrize("error", [ValueError("a defect of a step"), asyncio.CancelledError()])
def test_a_step_that_raises_ends_the_worker_and_commits_nothing(
    broker: Broker, topic: str, group: str, tmp_path: Path, error: BaseException
) -> None:
    async def scenario() -> None:
        failing = Failing(topic, error)
        async with worker(broker, group, tmp_path / "one", failing) as app:
            broker.send(topic, numbers(4))
            await until(lambda: failing.begun > 0, "a batch")
            await until(lambda: app.crashed, "the worker's end")
        assert sum(broker.committed(group, topic).values()) == 0
        seen = Seen(topic)
        async with worker(broker, group, tmp_path / "two", seen):
            await until(lambda: sorted(seen.values) == numbers(4), "the same batch again")

    asyncio.run(scenario())


class Patient(Seen):
    """A step that waits for something else, and gives up when it is told to."""

    def __init__(self, *topics: str) -> None:
        super().__init__(*topics)
        self.told = asyncio.Event()

    async def run(self, batch: Fetched) -> None:
        self.begun += len(batch)
        await self.told.wait()
        raise InterruptedRunError

    def interrupt(self) -> None:
        self.told.set()


def test_a_batch_that_is_given_up_comes_again(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        patient, seen = Patient(topic), Seen(topic)
        async with worker(broker, group, tmp_path / "one", patient):
            broker.send(topic, numbers(4))
            await until(lambda: patient.begun > 0, "a batch in flight")
        assert sum(broker.committed(group, topic).values()) == 0
        async with worker(broker, group, tmp_path / "two", seen):
            await until(lambda: sorted(seen.values) == numbers(4), "the same batch again")

    asyncio.run(scenario())


def test_a_step_begins_where_its_outcome_is_kept_when_that_is_behind(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        broker.send(topic, numbers(8))
        first = Seen(topic)
        async with worker(broker, group, tmp_path / "one", first):
            await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
        kept = {(topic, partition): 2 for partition in range(1, PARTITIONS)}
        again = Seen(topic, kept=kept)
        async with worker(broker, group, tmp_path / "two", again):
            await until(lambda: sorted(again.values) == [b"0", b"4"], "what is not kept")

    asyncio.run(scenario())


def test_a_rebalance_waits_for_the_batch_in_flight(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        first, second = Seen(topic), Seen(topic)
        async with worker(broker, group, tmp_path / "one", first) as leaving:
            await until(lambda: leaving.ready, "ownership")
            first.gate.clear()
            broker.send(topic, numbers(4))
            await until(lambda: first.begun > 0, "a batch in flight")
            async with worker(broker, group, tmp_path / "two", second) as joining:
                await until(lambda: leaving.rebalancing, "a rebalance")
                assert (first.values, second.values) == ([], [])
                first.gate.set()
                await until(lambda: joining.ready, "the second's share")
                broker.send(topic, numbers(40, 4))
                await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
        assert second.values
        assert sorted(map(int, first.values + second.values)) == list(range(44))

    asyncio.run(scenario())


def test_nothing_is_lost_while_workers_come_and_go(
    broker: Broker, topic: str, group: str, tmp_path: Path
) -> None:
    """Each value is seen; one that is seen twice was not committed when its worker left."""

    async def scenario() -> None:
        runners = [Seen(topic)]
        count = 0

        async def flow() -> None:
            nonlocal count
            while True:
                await asyncio.to_thread(broker.send, topic, numbers(40, count), transactions=4)
                count += 40

        async with worker(broker, group, tmp_path / "stays", runners[0]):
            writing = asyncio.ensure_future(flow())
            for number in range(3):
                comes = Seen(topic)
                runners.append(comes)
                async with worker(broker, group, tmp_path / f"comes-{number}", comes):
                    await comes.grown("the second's share")
                await runners[0].grown("the first's share")
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await asyncio.to_thread(broker.send, topic, [b"-1"] * PARTITIONS)
            await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
        seen = {int(value) for runner in runners for value in runner.values}
        assert seen >= set(range(count))

    asyncio.run(scenario())
