from __future__ import annotations

import pytest

from stream.notices import Notice, decode_notice, notices, switch_notice


def key(user: int, week: str = "2026-W47") -> bytes:
    return b'{"user_id":%d,"week":"%b"}' % (user, week.encode())


@pytest.mark.parametrize("count", [1, 2, 340, 341, 342, 5000])
def test_every_week_is_told_once_within_what_a_payload_may_be(count: int) -> None:
    users = [10**12 + each for each in range(count)]
    payloads = list(notices(123, map(key, users)))
    assert max(len(each.encode()) for each in payloads) < 8000
    told = [decode_notice(each) for each in payloads]
    assert {each.generation for each in told} == {123}
    assert [user for each in told for user, _ in each.weeks] == users


def test_nothing_changed_is_not_told() -> None:
    assert list(notices(1, [])) == []


def test_a_switch_is_a_notice_without_weeks() -> None:
    assert decode_notice(switch_notice(2)) == Notice(2, [])
