"""How a benchmark's figure is made of its measures; the measures themselves are not tested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.bench.all import BENCHES
from infra.bench.changing import SHORT, History
from infra.bench.figure import Target, compare, percentile
from tests.conftest import tonnage

LOWER = Target(3.0, "lower", "somebody else")


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    figure = compare("x", LOWER, ([2.0, 40.0, 9.0], [1.0, 10.0, 3.0]), "s", bench="x")
    assert (figure.ratio, figure.median, figure.peer_median) == (3.0, 9.0, 3.0)
    assert figure.spread == pytest.approx((4 - 2) / 3)


def test_a_round_without_its_peer_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        compare("x", LOWER, ([1.0, 2.0], [1.0]), "s", bench="x")


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        (Target(2.0, "lower", "p"), True),
        (Target(1.9, "lower", "p"), False),
        (Target(2.0, "higher", "p"), True),
        (Target(2.1, "higher", "p"), False),
        (Target(None, "higher", "p"), None),
    ],
)
def test_whether_it_is_reached(target: Target, *, reached: bool | None) -> None:
    assert compare("x", target, ([2.0], [1.0]), "s", bench="x").reached is reached


def test_the_json_has_what_the_contract_says() -> None:
    found = compare("x", LOWER, ([2.0], [3.0]), "s", bench="all").as_json()
    names = {"name", "ratio", "must", "better", "median", "spread", "peer", "command"}
    assert names <= found.keys()
    assert (found["ratio"], found["command"]) == (0.6667, "tonnage bench all")


def test_percentiles_are_measures_that_were_taken() -> None:
    measures = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(measures, each) for each in (0, 20, 50, 99, 100)] == [1, 1, 3, 5, 5]


def test_names_are_unique() -> None:
    assert len({each.name for each in BENCHES}) == len(BENCHES)


def test_a_change_goes_through_all_steps(tmp_path: Path) -> None:
    user = History(tmp_path, SHORT)
    before = dict(user.offsets)
    user.change(1)
    assert [user.offsets[step] - before[step] for step in range(2)] == [1, 1]


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    done = tonnage(tmp_path, "bench", "nonsense")
    assert done.returncode == 2
    assert "--list" in done.stderr


def test_one_benchmark_alone(tmp_path: Path) -> None:
    done = tonnage(tmp_path, "bench", "changed-set", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    [figure] = json.loads(done.stdout)
    assert (figure["name"], figure["better"]) == ("changed-set", "lower")
    assert figure["ratio"] > 0
