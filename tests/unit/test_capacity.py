"""The model of what a deployment needs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from infra.capacity import DAY, Box, Figures, People, Run, deviation, plan, rate, read_figures
from infra.commands.capacity import SIZES, TOLERANCE, lines
from infra.errors import TonnageError
from tests.conftest import tonnage

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = DOCS / "benchmarks" / "figures.json"
FIGURES = Figures(worker_us=50, servers_us=50)


def test_a_worker_is_a_thread_and_all_share_the_cores() -> None:
    assert rate(FIGURES, workers=1, cores=8) == 20_000
    assert rate(FIGURES, workers=2, cores=8) == 40_000
    assert rate(FIGURES, workers=8, cores=2) == 20_000


def test_a_second_worker_on_two_cores_gains_what_the_servers_leave() -> None:
    prototype = Figures(worker_us=57.5, servers_us=22.8)  # 17,400 rows a second, then 24,900
    for run in (Run(507_000, 1, 2, 507_000 / 17_400), Run(507_000, 2, 2, 507_000 / 24_900)):
        assert abs(deviation(prototype, run)) < 0.01


def test_a_deviation_is_a_share_of_what_was_measured() -> None:
    assert deviation(FIGURES, Run(20_000, 1, 8, 1.0)) == 0
    assert deviation(FIGURES, Run(20_000, 1, 8, 2.0)) == -0.5
    assert deviation(FIGURES, Run(20_000, 1, 8, 0.5)) == 1


def test_rates_follow_from_what_people_do() -> None:
    found = plan(
        People(7 * 86_400, workouts=2, rows=5, writes=1.5, years=1, peak=4), FIGURES, Box()
    )
    assert found.events == pytest.approx(15)
    assert found.peak_events == pytest.approx(60)
    assert found.rows == pytest.approx(7 * 86_400 * 10 * 52)


def test_twice_the_users_are_twice_of_all_that_grows() -> None:
    one, two = (plan(People(count), FIGURES, Box()) for count in (10_000_000, 20_000_000))
    for name in ("rows", "events", "state", "topics", "read_store"):
        assert getattr(two, name) == pytest.approx(2 * getattr(one, name))
    assert two.workers > one.workers
    assert two.cost > 1.9 * one.cost


def test_a_rebuild_is_done_in_the_time_that_is_given() -> None:
    for users in SIZES:
        assert plan(People(users), FIGURES, Box()).rebuild <= DAY
        assert plan(People(users), FIGURES, Box(), day=DAY / 4).rebuild <= DAY / 4


def test_what_breaks_first_is_first() -> None:
    few = plan(People(1000), Figures(), Box())
    assert few.breaks == ()
    many = plan(People(100_000_000), Figures(), Box(disk_gb=1e9))
    uses = [each.use for each in many.breaks]
    assert uses == sorted(uses, reverse=True)
    assert min(uses) > 1
    slow = plan(People(1_000_000), Figures(snapshot_rows=100), Box(disk_gb=1e9))
    assert slow.breaks[0].name == "a snapshot through one connector"


def test_figures_are_read_and_what_lacks_is_a_default(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text(
        '{"worker_us": 40, "other": 1, "runs": [{"rows":1,"workers":2,"cores":3,"seconds":4}]}'
    )
    assert read_figures(path) == Figures(worker_us=40, runs=(Run(1, 2, 3, 4),))
    path.write_text('{"worker_us": "many"}')
    with pytest.raises(TonnageError, match=r"figures\.json holds no figures"):
        read_figures(path)
    with pytest.raises(TonnageError, match="there are no figures"):
        read_figures(tmp_path / "none.json")


def test_the_command_holds_the_model_to_runs(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    for seconds, code in ((1.2, 0), (2.0, 1)):
        runs = (Run(20_000, 1, 8, seconds),)
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(FIGURES, runs=runs)))
        done = tonnage(tmp_path, "capacity", "--figures", str(path), "--check")
        assert done.returncode == code, done.stderr
        assert "the model is off by" in done.stdout
    done = tonnage(tmp_path, "capacity", "--check")
    assert done.returncode == 2


def test_the_command_prints_json(tmp_path: Path) -> None:
    done = tonnage(tmp_path, "capacity", "--users", "1000", "--json")
    assert json.loads(done.stdout)["1000"]["workers"] == 1


def test_the_page_has_what_the_model_says() -> None:
    figures = read_figures(MEASURED) if MEASURED.exists() else Figures()
    text = (DOCS / "scaling.md").read_text()
    for cells in lines([plan(People(count), figures, Box()) for count in SIZES]):
        assert f"| {' | '.join(cells)} |" in text


def test_the_model_agrees_with_what_the_benchmark_measured() -> None:
    if not MEASURED.exists():
        pytest.skip("NO BENCHMARK'S FIGURES YET (docs/benchmarks/figures.json): nothing to hold to")
    figures = read_figures(MEASURED)
    assert figures.runs
    for run in figures.runs:
        assert abs(deviation(figures, run)) <= TOLERANCE, run
