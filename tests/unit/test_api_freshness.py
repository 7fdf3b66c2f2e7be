from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.freshness import Freshness, Meta, judge, parse_lsn

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


def at(seconds: float, incidents: str | None = None, lsn: str | None = "1/A0") -> Freshness:
    return Freshness(3, lsn, NOW - timedelta(seconds=seconds), incidents)


def meta(freshness: Freshness | None, min_lsn: int | None = None) -> Meta:
    return judge(freshness, 2, now=NOW, stale_after_seconds=5, min_lsn=min_lsn)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0/16B6C50", 0x16B6C50), ("1/A0", 0x1000000A0), ("23817296", 23817296), ("0", 0),
     ("FFFFFFFF/ffffffff", 2**64 - 1), (str(2**64 - 1), 2**64 - 1)],
)  # fmt: skip
def test_an_lsn_is_text_or_an_integer(text: str, expected: int) -> None:
    assert parse_lsn(text) == expected


@pytest.mark.parametrize(
    "text", ["", "x", "0/", "/0", "0/G", "-1", "1.5", "123456789/0", "0/1/2", str(2**64), "²"]
)
def test_anything_else_is_no_lsn(text: str) -> None:
    with pytest.raises(ValueError, match="is not an LSN"):
        parse_lsn(text)


def test_a_fresh_answer_says_up_to_where() -> None:
    fresh = meta(at(1.25))
    assert (fresh.stale, fresh.reason, fresh.lag_seconds) == (False, None, 1.25)
    assert fresh.headers() == {
        "Tonnage-As-Of": "2026-11-18T11:59:58.750000Z",
        "Tonnage-Lsn": "1/A0",
        "Tonnage-Lag-Seconds": "1.25",
        "Tonnage-Stale": "false",
        "Tonnage-Quarantined": "2",
        "Tonnage-Generation": "3",
    }


@pytest.mark.parametrize(
    ("freshness", "reason"),
    [
        (None, "no generation is served yet"),
        (Freshness(3, None, None, None), "not complete up to any point"),
        (at(5.001), "5.001 s behind the source, more than 5 s"),
        (at(0, "slot_lost: gone"), "slot_lost: gone"),
    ],
)
def test_a_stale_answer_says_why(freshness: Freshness | None, reason: str) -> None:
    stale = meta(freshness)
    assert stale.stale
    assert stale.reason is not None
    assert reason in stale.reason
    assert stale.headers()["Tonnage-Stale"] == "true"


def test_the_limit_itself_is_not_stale() -> None:
    assert not meta(at(5)).stale


def test_every_reason_is_said() -> None:
    reason = meta(at(60, "truncated: exercise"), min_lsn=2**40).reason or ""
    assert reason.split("; ") == [
        "60 s behind the source, more than 5 s",
        "truncated: exercise",
        "does not include min_lsn yet",
    ]


def test_lag_is_never_below_zero() -> None:
    assert meta(at(-3)).lag_seconds == 0


@pytest.mark.parametrize(("lsn", "stale"), [(0, False), (0x1000000A0, False), (0x1000000A1, True)])
def test_min_lsn_is_included_or_stale(lsn: int, stale: bool) -> None:  # noqa: FBT001 - a case
    assert meta(at(0), min_lsn=lsn).stale is stale


def test_lsns_compare_by_value_not_as_text() -> None:
    assert at(0, lsn="A/0").includes(parse_lsn("9/FFFFFFFF"))
    assert not at(0, lsn="0/9").includes(parse_lsn("0/10"))
