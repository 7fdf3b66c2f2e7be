"""A worker's page: its own figures, and those of its engines by generation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stream import figures
from stream.engine.measured import MeasuredRunner, MeasuredStep
from stream.engine.runner import Fetched
from stream.figures import Family, engine_figures, measure_state, worker_page
from stream.health import Figures, Health, decode_told, encode_told
from stream.steps.step import Message, Record


def lines(page: bytes) -> list[str]:
    return page.decode().splitlines()


def value(name: str, **labels: str) -> float:
    return figures.ENGINE.get_sample_value(name, labels) or 0.0


class Recorded:
    """A step and a runner that say or raise what they are told."""

    name = "recorded"
    topics: tuple[str, ...] = ("rows",)

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act

    def fold(self, batch: object, states: object) -> list[Message]:
        del batch, states
        found: list[Message] = self.act()
        return found

    def derive(self, state: object, restored: object) -> None:
        del state, restored

    async def run(self, batch: Fetched) -> None:
        del batch
        self.act()

    async def kept(self) -> None:
        return None

    async def idle(self) -> None:
        return None

    def interrupt(self) -> None:
        return None


BATCH = {0: [Record("rows", 0, b"k", b"v", 0)] * 3, 1: [Record("rows", 5, b"k", b"v", 0)]}


def fail() -> None:
    raise ValueError("no")


def test_engines_are_told_apart_by_their_generations() -> None:
    family = Family("tonnage_x", "What it is", "counter", [("tonnage_x_total", {"step": "a"}, 2)])
    page = lines(worker_page({1: [family], 2: [family]}))
    assert page.count("# TYPE tonnage_x_total counter") == 1
    assert 'tonnage_x_total{generation="1",step="a"} 2.0' in page
    assert 'tonnage_x_total{generation="2",step="a"} 2.0' in page
    assert any(line.startswith("process_start_time_seconds ") for line in page)


def test_figures_go_to_the_worker_as_a_line() -> None:
    told = Figures(engine_figures())
    line = encode_told(told)
    assert line.count(b"\n") == 1
    assert decode_told(line) == told
    assert decode_told(encode_told(Health(ready=True))) == Health(ready=True)


def test_a_step_counts_what_it_gives_and_where_it_fails() -> None:
    given, failed = (
        value(f"tonnage_step_{what}_total", step="recorded") for what in ("messages", "failures")
    )
    message = Message("t", 0, b"k", None, None)
    MeasuredStep(Recorded(lambda: [message, message])).fold(BATCH, {})
    with pytest.raises(ValueError, match="no"):
        MeasuredStep(Recorded(fail)).fold(BATCH, {})
    assert value("tonnage_step_messages_total", step="recorded") == given + 2
    assert value("tonnage_step_failures_total", step="recorded") == failed + 1


def test_a_runner_counts_what_is_done_and_nothing_else() -> None:
    names = ("records_total", "batch_records_count", "batch_records_sum", "batch_seconds_count")
    before = [value(f"tonnage_step_{name}", step="a") for name in names]
    asyncio.run(MeasuredRunner("a", Recorded(lambda: None)).run(BATCH))
    with pytest.raises(ValueError, match="no"):
        asyncio.run(MeasuredRunner("a", Recorded(fail)).run(BATCH))
    after = [value(f"tonnage_step_{name}", step="a") for name in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [4, 1, 4, 1]


def test_the_size_of_state_is_that_of_its_files(tmp_path: Path) -> None:
    for number, size in ((0, 10), (1, 5)):
        (tmp_path / f"route-{number}").mkdir()
        (tmp_path / f"route-{number}" / "data").write_bytes(b"x" * size)
    (tmp_path / "assemble-0").mkdir()
    measure_state(tmp_path, "route")
    assert value("tonnage_state_bytes", step="route") == 15
