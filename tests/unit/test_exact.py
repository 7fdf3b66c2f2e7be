from __future__ import annotations

from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.domain.exact import plain, rounded, total

THIRTY_DIGITS = Decimal("9999.99999999999999999999999999")


def test_a_million_weights_of_30_digits_add_up_exactly() -> None:
    assert total([THIRTY_DIGITS] * 10_000) == Decimal("99999999.9999999999999999999999")


def test_tiny_beside_huge_is_not_lost() -> None:
    assert total([Decimal(10) ** 60, Decimal("1e-29"), -(Decimal(10) ** 60)]) == Decimal("1e-29")


def test_what_can_not_be_exact_raises() -> None:
    with pytest.raises(Inexact):
        total([Decimal("1e300"), Decimal("1e-300")])


@pytest.mark.parametrize(
    ("value", "text"),
    [("1740.00", "1740"), ("1E+3", "1000"), ("0.10", "0.1"), ("0.00", "0"), ("-2.50", "-2.5")],
)
def test_plain_is_written_out_without_needless_zeros(value: str, text: str) -> None:
    assert str(plain(Decimal(value))) == text


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "text"),
    [
        ("0.5", 1, 0, "0"),
        ("1.5", 1, 0, "2"),
        ("0.125", 1, 2, "0.12"),
        ("0.135", 1, 2, "0.14"),
        ("-0.125", 1, 2, "-0.12"),
        ("10", 3, 2, "3.33"),
        ("20", 3, 2, "6.67"),
    ],
)
def test_rounding_is_half_even_of_the_exact_quotient(
    numerator: str, denominator: int, places: int, text: str
) -> None:
    assert rounded(Decimal(numerator), denominator, places) == Decimal(text)


def test_a_tie_is_a_tie_only_where_it_is_exact() -> None:
    just_above = Decimal("0.125000000000000000000000000001")
    assert rounded(just_above, 1, 2) == Decimal("0.13")


@given(st.lists(st.decimals(-10_000, 10_000, places=20)))
def test_a_total_does_not_depend_on_the_order(values: list[Decimal]) -> None:
    assert total(values) == total(reversed(values))
