from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.domain.sets import BadRowError, digits, parse_sets


def volume(reps: str, weights: str | None) -> Decimal:
    return parse_sets(reps, weights).volume


@pytest.mark.parametrize(
    ("reps", "weights", "expected"),
    [
        ("[10,8]", "[100,92.5]", "1740"),
        ("[10,8,8]", "[100]", "1000"),
        ("[10]", "[100,200]", "1000"),
        ("[10,8]", "[null,50]", "400"),
        ("[10,8]", None, "0"),
        ("[10,8]", "null", "0"),
        ("[10,8]", "[]", "0"),
        ("[]", "[100]", "0"),
        ("[10]", "[-20.5]", "-205"),
        ("[3,3,3]", "[0.1,0.1,0.1]", "0.9"),
    ],
)
def test_volume_is_the_exact_sum_of_the_pairs(
    reps: str, weights: str | None, expected: str
) -> None:
    assert volume(reps, weights) == Decimal(expected)


def test_a_weight_of_30_digits_is_exact() -> None:
    assert volume("[10000]", "[9999.99999999999999999999999999]") == Decimal(
        "99999999.9999999999999999999999"
    )


@pytest.mark.parametrize("reps", ["[0]", "[10000]", "[10.0]", "[1e3]", "[-0]"])
def test_good_repetitions(reps: str) -> None:
    assert len(parse_sets(reps, None).reps) == 1


@pytest.mark.parametrize("weights", ["[10000]", "[-10000]", "[1e4]", "[0.0]", "[null]"])
def test_good_weights(weights: str) -> None:
    assert parse_sets("[1]", weights).reps == (1,)


@pytest.mark.parametrize(
    ("reps", "reason"),
    [
        (None, "is null"),
        ("null", "not a list"),
        ("5", "not a list"),
        ('{"a":1}', "not a list"),
        ("[1", "not JSON"),
        ('["5"]', "not a whole number"),
        ("[true]", "not a whole number"),
        ("[null]", "not a whole number"),
        ("[[5]]", "not a whole number"),
        ("[0.5]", "not a whole number"),
        ("[-1]", "not within"),
        ("[10001]", "not within"),
        ("[1e999999999]", "not within"),
        ("[1e99999999999999999999]", "beyond all bounds"),
        ("[" + "9" * 5000 + "]", "reps_per_set"),
        ("[" * 5000 + "]" * 5000, "not JSON"),
    ],
)
def test_bad_repetitions(reps: str | None, reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        parse_sets(reps, "[100]")


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ("5", "not a list"),
        ('["5"]', "not a number"),
        ("[true]", "not a number"),
        ("[10000.01]", "not within"),
        ("[-10001]", "not within"),
        ("[1." + "0" * 30 + "]", "over 30 digits"),
        ("[1e-30]", "over 30 digits"),
        ("[1E-999999999]", "over 30 digits"),
        ("[1e99999999999999999999]", "beyond all bounds"),
        ("[1e999999]", "not within"),
        ("[NaN]", "not JSON"),
    ],
)
def test_bad_weights(weights: str, reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        parse_sets("[1]", weights)


def test_a_bad_weight_without_its_set_is_bad_too() -> None:
    with pytest.raises(BadRowError):
        parse_sets("[1]", '[100,"x"]')


def test_a_reason_can_be_stored_whatever_the_row_held() -> None:
    with pytest.raises(BadRowError) as caught:
        parse_sets('["\\u0000"]', None)
    assert "\x00" not in str(caught.value)


def test_a_long_element_is_shortened_in_the_reason() -> None:
    with pytest.raises(BadRowError) as caught:
        parse_sets('["' + "x" * 1000 + '"]', None)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("weights", ["[100]", "[100,null]", "[100.0,null,50]", "[1e2]"])
def test_lists_that_mean_the_same_are_equal(weights: str) -> None:
    assert parse_sets("[10,8]", weights) == parse_sets("[10,8]", "[100]")


def test_missing_weights_are_none() -> None:
    assert list(parse_sets("[10,8]", "[100]")) == [(10, Decimal(100)), (8, None)]


@pytest.mark.parametrize(
    ("text", "count"),
    [("0.05", 3), ("100", 3), ("0.5", 2), ("1E+3", 4), ("0", 1), ("-12.34", 4), ("1e-29", 30)],
)
def test_digits_are_those_of_the_number_written_out(text: str, count: int) -> None:
    assert digits(Decimal(text)) == count


@given(st.text() | st.none(), st.text() | st.none())
def test_any_text_is_good_or_bad_and_nothing_else(reps: str | None, weights: str | None) -> None:
    with suppress(BadRowError):
        parse_sets(reps, weights)
