from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.domain.weeks import Week, from_epoch_us, iso_utc, to_epoch_us, week_and_day

NEW_YORK = ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")


def at(text: str, zone: ZoneInfo = UTC_ZONE) -> tuple[str, str]:
    week, day = week_and_day(to_epoch_us(datetime.fromisoformat(text)), zone)
    return str(week), day


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2020, 12, 31), "2020-W53"),
        (date(2021, 1, 1), "2020-W53"),
        (date(2021, 1, 3), "2020-W53"),
        (date(2021, 1, 4), "2021-W01"),
        (date(2018, 12, 31), "2019-W01"),
        (date(2023, 1, 1), "2022-W52"),
        (date(2026, 11, 22), "2026-W47"),
    ],
)
def test_weeks_at_the_edges_of_years(day: date, week: str) -> None:
    assert str(Week.of(day)) == week


def test_the_zone_decides_week_and_day() -> None:
    assert at("2021-01-04T03:00:00Z") == ("2021-W01", "2021-01-04")
    assert at("2021-01-04T03:00:00Z", NEW_YORK) == ("2020-W53", "2021-01-03")


def test_a_day_of_23_hours_and_one_of_25() -> None:
    assert at("2021-03-15T03:59:59Z", NEW_YORK)[1] == "2021-03-14"
    assert at("2021-03-15T04:00:00Z", NEW_YORK)[1] == "2021-03-15"
    assert at("2021-11-08T04:59:59Z", NEW_YORK)[1] == "2021-11-07"
    assert at("2021-11-08T05:00:00Z", NEW_YORK)[1] == "2021-11-08"


def test_the_repeated_hour_is_one_day() -> None:
    assert at("2021-11-07T05:30:00Z", NEW_YORK) == at("2021-11-07T06:30:00Z", NEW_YORK)


def test_a_week_runs_from_monday_to_sunday() -> None:
    days = Week(2020, 53).days
    assert (days[0], days[-1]) == (date(2020, 12, 28), date(2021, 1, 3))


@pytest.mark.parametrize("text", ["2021-W53", "2021-W00", "2021-W54", "2021W01", "21-W01", ""])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"week|Week"):
        Week.parse(text)


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)))
def test_a_week_is_read_as_it_is_written_and_holds_its_day(day: date) -> None:
    week = Week.of(day)
    assert Week.parse(str(week)) == week
    assert day in week.days
    assert week.next().previous() == week
    assert week.next().monday - week.monday == timedelta(days=7)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_microseconds_are_kept(moment: datetime) -> None:
    assert from_epoch_us(to_epoch_us(moment)) == moment


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 11, 16, 2, 10, 22, tzinfo=NEW_YORK)
    assert iso_utc(to_epoch_us(moment)) == "2026-11-16T07:10:22Z"
