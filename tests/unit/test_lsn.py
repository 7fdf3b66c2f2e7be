from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.cdc.lsn import format_lsn, parse_lsn


def test_an_lsn_is_read() -> None:
    assert parse_lsn("16/B374D848") == 0x16_B374D848


def test_an_lsn_is_written_as_postgresql_does() -> None:
    assert format_lsn(0x16B6C50) == "0/16B6C50"


@given(st.integers(0, 2**64 - 1))
def test_an_lsn_is_read_as_it_is_written(lsn: int) -> None:
    assert parse_lsn(format_lsn(lsn)) == lsn


@pytest.mark.parametrize("text", ["", "16B6C50", "0/", "/0", "0/xyz"])
def test_what_is_no_lsn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"LSN|int"):
        parse_lsn(text)
