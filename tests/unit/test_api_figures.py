"""Averages, percentages, balance and streaks: what the API computes from a week's figures."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.domain.balance import MUSCLE_GROUPS, Status, balance, balance_score
from stream.domain.shares import average, percentage, share
from stream.domain.streaks import Streaks, streaks
from stream.domain.weeks import Week

decimals = st.decimals(-(10**14), 10**14, places=30, allow_nan=False)
volumes = st.dictionaries(st.sampled_from(MUSCLE_GROUPS), st.integers(0, 10**7).map(Decimal))


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [("1740", 2, "870"), ("1000", 3, "333.33"), ("0.25", 2, "0.12"), ("0.27", 2, "0.14"),
     ("-0.25", 2, "-0.12"), ("100.01", 2, "50"), ("100.03", 2, "50.02"), ("0", 0, "0")],
)  # fmt: skip
def test_averages_round_half_even(total: str, count: int, expected: str) -> None:
    assert str(average(Decimal(total), count)) == expected


@pytest.mark.parametrize(
    ("part", "total", "expected"),
    [("1", "3", "33.3"), ("2", "3", "66.7"), ("1", "1", "100"), ("5", "0", "0"), ("0", "5", "0"),
     ("0.0625", "100", "0.1"), ("0.05", "100", "0"), ("0.15", "100", "0.2"), ("1", "800", "0.1")],
)  # fmt: skip
def test_percentages_round_half_even(part: str, total: str, expected: str) -> None:
    assert str(percentage(Decimal(part), Decimal(total))) == expected


@given(decimals, st.integers(1, 10**9))
def test_an_average_is_the_exact_quotient_rounded_once(total: Decimal, count: int) -> None:
    assert Fraction(average(total, count)) == round(Fraction(total) / count, 2)


@given(decimals, decimals.filter(bool))
def test_a_percentage_is_the_exact_quotient_rounded_once(part: Decimal, total: Decimal) -> None:
    assert Fraction(percentage(part, total)) == round(100 * Fraction(part) / Fraction(total), 1)


def test_a_share_has_four_places() -> None:
    assert str(share(Fraction(1, 3))) == "0.3333"
    assert str(share(Fraction(1))) == "1"


def test_even_training_scores_100_and_one_group_0() -> None:
    assert balance_score(dict.fromkeys(MUSCLE_GROUPS, Decimal("123.45"))) == 100
    assert str(balance_score({"chest": Decimal(5)})) == "0.0"


def test_no_volume_in_the_six_groups_has_no_score() -> None:
    assert balance_score({}) is None
    assert balance_score({"chest": Decimal(0), "neck": Decimal(100)}) is None
    assert balance_score({"chest": Decimal(-10)}) is None


@given(volumes.filter(lambda held: sum(held.values()) > 0))
def test_the_score_is_pielous_evenness(held: dict[str, Decimal]) -> None:
    whole = float(sum(held.values()))
    entropy = -sum(float(v) / whole * math.log(float(v) / whole) for v in held.values() if v)
    score = balance_score({**held, "neck": Decimal(999)})
    assert score is not None
    assert 0 <= score <= 100
    assert float(score) == pytest.approx(100 * entropy / math.log(6), abs=0.0501)


def test_the_thresholds_themselves_are_ok() -> None:
    baseline = {"chest": Decimal(50), "back": Decimal(50)}
    recent = {"chest": Decimal(40), "back": Decimal(60)}
    at_it = balance(baseline, recent, Decimal("0.2"))
    assert {at_it["chest"].status, at_it["back"].status} == {Status.OK}
    beyond = balance(baseline, recent, Decimal("0.1999999999"))
    assert beyond["chest"].status is Status.UNDERTRAINED
    assert beyond["back"].status is Status.OVEREMPHASIZED


def test_balance_looks_at_the_six_groups_only() -> None:
    shifts = balance({"chest": Decimal(1), "neck": Decimal(9)}, {}, Decimal("0.2"))
    assert tuple(shifts) == MUSCLE_GROUPS
    assert shifts["chest"].baseline == 1
    assert shifts["chest"].recent == 0
    assert shifts["legs"].status is Status.OK


RUNNING = Week(2021, 2)


@pytest.mark.parametrize(
    ("trained", "expected"),
    [
        ([], Streaks(0, None, 0)),
        ([(2021, 2)], Streaks(1, Week(2021, 2), 1)),
        ([(2020, 53), (2021, 1)], Streaks(2, Week(2020, 53), 2)),
        ([(2020, 53), (2021, 1), (2021, 2)], Streaks(3, Week(2020, 53), 3)),
        ([(2020, 52), (2020, 53)], Streaks(0, None, 2)),
        ([(2020, 1), (2020, 2), (2020, 3), (2021, 1)], Streaks(1, Week(2021, 1), 3)),
        ([(2021, 1), (2021, 3), (2021, 4)], Streaks(1, Week(2021, 1), 1)),  # the future
    ],
)
def test_streaks(trained: list[tuple[int, int]], expected: Streaks) -> None:
    assert streaks([Week(*week) for week in trained], RUNNING) == expected
