"""Workers that join and leave: others notice no more of it than they must."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from faust.types import TP

from stream.engine import consumer
from stream.engine.app import StepApp
from stream.engine.consumer import StepConsumerThread
from stream.steps.step import Record
from tests.integration.engine.harness import PATIENCE, Broker, Seen, until, worker

pytestmark = pytest.mark.stack


def owned(app: StepApp) -> set[TP]:
    return set(app.consumer.assignment()) if app.ready else set()


@pytest.mark.parametrize(("name", "disturbs"), [("second", False), (None, True)])
def test_a_restart_disturbs_the_others_only_without_a_name(
    broker: Broker, topic: str, group: str, tmp_path: Path, name: str | None, *, disturbs: bool
) -> None:
    async def scenario() -> None:
        seen = Seen(topic)
        async with worker(broker, group, tmp_path / "a", seen, instance="first") as first:
            async with AsyncExitStack() as leaving:
                second = await leaving.enter_async_context(
                    worker(broker, group, tmp_path / "b", seen, instance=name)
                )
                await until(lambda: len(owned(first)) == len(owned(second)) == 2, "two each")
                before = owned(first), owned(second)
                rebalances = first.consumer_generation_id
            async with worker(broker, group, tmp_path / "b", seen, instance=name) as second:
                await until(lambda: len(owned(second)) == 2, "its partitions")
                broker.send(topic, [b"after"] * 4)
                await until(lambda: broker.committed(group, topic) == broker.ends(topic), "no lag")
                if not disturbs:
                    assert (owned(first), owned(second)) == before
                assert (first.consumer_generation_id != rebalances) is disturbs
        assert len(seen.values) == 4

    asyncio.run(scenario())


def test_a_fetch_that_waits_through_the_first_rebalance_ends_no_worker(
    broker: Broker, topic: str, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is committed then, and nothing sought yet: aiokafka says it has no offset."""
    fetching: set[StepConsumerThread] = set()
    fetch, seek_to = StepConsumerThread.fetch, StepConsumerThread.seek_to

    async def counted(
        self: StepConsumerThread, tps: Iterable[TP], most: int, generation: int
    ) -> dict[TP, list[Record]]:
        fetching.add(self)
        try:
            return await fetch(self, tps, most, generation)
        finally:
            fetching.remove(self)

    async def held(self: StepConsumerThread, positions: Mapping[TP, int]) -> None:
        await until(lambda: self not in fetching, "the end of the fetch before")
        await seek_to(self, positions)

    monkeypatch.setattr(StepConsumerThread, "fetch", counted)
    monkeypatch.setattr(StepConsumerThread, "seek_to", held)
    monkeypatch.setattr(consumer, "FETCH_TIMEOUT_SECONDS", 2 * PATIENCE)

    async def scenario() -> None:
        first_seen, second_seen = Seen(topic), Seen(topic)
        async with worker(broker, group, tmp_path / "a", first_seen) as first:
            await until(lambda: len(fetching) == 1, "a fetch that waits")
            async with worker(broker, group, tmp_path / "b", second_seen) as second:
                await until(lambda: len(owned(first)) == len(owned(second)) == 2, "two each")
                broker.send(topic, [b"after"] * 4)
                await until(lambda: len(first_seen.values) == len(second_seen.values) == 2, "all")

    asyncio.run(scenario())
