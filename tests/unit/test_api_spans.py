from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from api.parameters import Ask
from api.problems import ProblemError
from api.spans import Span, parse_day, span_of
from stream.domain.weeks import Week


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-W01", "UTC", date(2025, 12, 29)),
        ("2020-W53", "UTC", date(2020, 12, 28)),
        ("2026-01-05", "America/New_York", date(2026, 1, 5)),
        ("2026-01-05T03:00:00Z", "America/New_York", date(2026, 1, 4)),
        ("2026-01-05T03:00:00", "America/New_York", date(2026, 1, 5)),
        ("2026-01-05T23:30:00-01:00", "UTC", date(2026, 1, 6)),
        ("2026-01-05T00:30:00 02:00", "UTC", date(2026, 1, 4)),
        ("2026-01-05T00:00:00.123456Z", "UTC", date(2026, 1, 5)),
    ],
)
def test_a_bound_is_a_week_a_date_or_a_timestamp(text: str, zone: str, expected: date) -> None:
    assert parse_day(text, ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026", "2026-W54", "2025-W53", "2026-W1", "2026-02-30", "1", "0000-01-01",
     "0001-01-01T00:00:00+14:00", "2026-01-05T25:00:00Z", "-1", "٢٠٢٦-01-01"],
)  # fmt: skip
def test_other_bounds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO week"):
        parse_day(text, UTC)


def test_default_spans() -> None:
    today = date(2026, 11, 18)
    assert span_of(None, None, today) == Span(Week(2026, 21), Week(2026, 47))
    assert span_of(date(2026, 11, 1), None, today) == Span(Week(2026, 44), Week(2026, 47))
    assert span_of(None, date(2021, 1, 1), today) == Span(Week(2020, 27), Week(2020, 53))


def test_a_span_names_every_week_over_week_53() -> None:
    span = Span(Week(2020, 52), Week(2021, 2))
    assert [str(week) for week in span.weeks()] == ["2020-W52", "2020-W53", "2021-W01", "2021-W02"]
    assert len(span) == 4
    assert list(Span(Week(9999, 52), Week(9999, 52)).weeks()) == [Week(9999, 52)]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"start": "2026-W40", "end": "2026-W39"}, "start"),
        ({"start": "2027-01-01"}, "start"),
        ({"end": "0001-01-02"}, "start"),
        ({"end": "soon"}, "end"),
        ({"start_date": "2026-13-01"}, "start_date"),
    ],
)
def test_a_wrong_span_names_its_parameter(query: dict[str, str], parameter: str) -> None:
    ask = Ask(1, datetime(2026, 11, 18, tzinfo=UTC), UTC, query, {})
    with pytest.raises(ProblemError) as refused:
        ask.span()
    assert (refused.value.status, refused.value.parameter) == (422, parameter)


def test_today_is_of_the_deployments_zone() -> None:
    late = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)  # a Sunday
    assert Ask(1, late, UTC, {}, {}).running_week == Week(2026, 46)
    assert Ask(1, late, ZoneInfo("Europe/Berlin"), {}, {}).running_week == Week(2026, 47)
