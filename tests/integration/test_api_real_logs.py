"""Figures of the shipped real logs against a recomputation that shares nothing with the API."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from stream.settings import load_settings
from tests.integration import real_logs
from tests.integration.conftest import SECRET, Api, ReadStore, serving
from tests.topology.recompute import Recomputation
from tests.topology.source import Tables

ZONE = ZoneInfo("America/New_York")
USERS = range(1, 10)
LONE = {
    5: datetime(2021, 1, 4, 4, 59, tzinfo=UTC),  # Sunday of 2020-W53 in New York
    6: datetime(2021, 3, 14, 7, 30, tzinfo=UTC),  # the night that loses an hour
    7: datetime(2021, 11, 7, 5, 30, tzinfo=UTC),  # the hour that comes twice
    8: datetime(2021, 11, 7, 6, 30, tzinfo=UTC),
}  # fmt: skip
NOWS = [
    datetime(2021, 1, 4, 4, 59, 59, tzinfo=UTC),  # still 2020-W53
    datetime(2021, 1, 4, 5, 0, tzinfo=UTC),  # 2021-W01
    datetime(2021, 11, 8, 4, 30, tzinfo=UTC),
    datetime(2024, 12, 31, 12, 0, tzinfo=UTC),  # 2025-W01
    datetime(2025, 6, 18, 12, 0, tzinfo=UTC),
]


@pytest.fixture(scope="module")
def tables() -> Tables:
    held = real_logs.tables(ZONE)
    for user, when in LONE.items():
        real_logs.add_lone_workout(held, user, when)
    return held


@pytest.fixture(scope="module")
def truth(tables: Tables) -> Recomputation:
    return Recomputation(tables, ZONE)


@pytest.fixture(scope="module")
def api(database: ReadStore, truth: Recomputation, api_home: Path) -> Iterator[Api]:
    database.clear()
    real_logs.fill(database, truth)
    settings = load_settings(
        home=api_home,
        read_store_dsn=database.dsn,
        jwt_secret=SECRET,
        timezone=ZONE.key,
    )
    with serving(settings) as api:
        yield api


@pytest.fixture(params=NOWS, ids=str)
def now(api: Api, request: pytest.FixtureRequest) -> datetime:
    api.now = request.param
    return api.now


def asked(api: Api, user: int, path: str) -> dict[str, Any]:
    """Ask for an answer, whose numbers are exact."""
    response = api.get(f"/v1/users/{user}/{path}", user)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = json.loads(response.text, parse_float=Decimal)
    return answer


def days(truth: Recomputation, user: int) -> dict[date, Fraction]:
    found: dict[date, Fraction] = defaultdict(Fraction)
    for workout in truth.workouts.values():
        if workout["user_id"] == user:
            day = datetime.fromisoformat(workout["date"]).astimezone(ZONE).date()
            found[day] += workout["total_volume"]
    return found


def delta(this: Fraction, last: Fraction) -> Fraction | None:
    return round(100 * (this - last) / last, 1) if last > 0 else None


def weeks_of(year: int) -> int:
    return date(year, 12, 28).isocalendar().week


def in_week(volumes: dict[date, Fraction], year: int, week: int) -> Fraction | None:
    if week > weeks_of(year):
        return None
    inside = [v for day, v in volumes.items() if day.isocalendar()[:2] == (year, week)]
    return sum(inside, Fraction())


@pytest.mark.parametrize("user", USERS)
def test_calendar(api: Api, truth: Recomputation, user: int) -> None:
    volumes = days(truth, user)
    for year in range(2020, 2026):
        answer = asked(api, user, f"calendar?year={year}")["days"]
        expected = {day: volume for day, volume in sorted(volumes.items()) if day.year == year}
        assert [(date.fromisoformat(d["date"]), Fraction(d["totalVolume"])) for d in answer] == [
            *expected.items()
        ]
        whole = asked(api, user, f"calendar?year={year}&fill=zero")["days"]
        assert len(whole) == date(year, 12, 31).timetuple().tm_yday
        assert sum(Fraction(each["totalVolume"]) for each in whole) == sum(expected.values())


@pytest.mark.parametrize("user", USERS)
def test_year_over_year(api: Api, truth: Recomputation, user: int, now: datetime) -> None:
    volumes, today = days(truth, user), now.astimezone(ZONE).date()
    running, week_now, weekday = today.isocalendar()
    for year in (2020, 2021, 2024, 2025):
        answer = asked(api, user, f"year-over-year?year={year}")
        rows = answer["weeks"]
        assert len(rows) == max(weeks_of(year), weeks_of(year - 1))
        for number, row in enumerate(rows, start=1):
            this, last = in_week(volumes, year, number), in_week(volumes, year - 1, number)
            comparable = this is not None and last is not None
            past = (year, number) <= (running, week_now)
            expected = delta(this or Fraction(), last or Fraction()) if past else None
            assert row["totalVolume"] == this
            assert row["previousVolume"] == last
            assert row["comparable"] == comparable
            assert row["deltaPct"] == (expected if comparable else None)
        limit = (week_now, weekday) if year == running else (weeks_of(year), 7)
        sums = [
            sum(
                (v for d, v in volumes.items()
                 if d.isocalendar().year == each and d.isocalendar()[1:] <= limit),
                Fraction(),
            )
            for each in (year, year - 1)
        ]  # fmt: skip
        to_date = answer["toDate"]
        assert [to_date["totalVolume"], to_date["previousVolume"]] == sums
        assert to_date["deltaPct"] == delta(*sums)


def test_week_53_stands_against_nothing(api: Api) -> None:
    row = asked(api, 3, "year-over-year?year=2020")["weeks"][52]
    assert (row["week"], row["previousWeek"], row["comparable"]) == ("2020-W53", None, False)
    row = asked(api, 3, "year-over-year?year=2021")["weeks"][52]
    assert (row["week"], row["previousWeek"], row["comparable"]) == (None, "2020-W53", False)
    assert row["deltaPct"] is None


@pytest.mark.parametrize("user", USERS)
def test_comparison(api: Api, truth: Recomputation, user: int, now: datetime) -> None:
    monday = now.astimezone(ZONE).date()
    names = [f"{y:04d}-W{w:02d}" for y, w, _ in (
        monday.isocalendar(), (monday - timedelta(days=7)).isocalendar()
    )]  # fmt: skip
    this, last = (
        truth.weekly_stats.get((user, name), {}).get("volume_by_muscle_group", {}) for name in names
    )
    answer = asked(api, user, "muscle-groups/comparison")
    assert [answer["thisWeek"], answer["lastWeek"]] == names
    assert (answer["this"], answer["last"]) == (this, last)
    assert answer["deltaPct"] == {
        group: delta(this.get(group, Fraction()), last.get(group, Fraction()))
        for group in this.keys() | last.keys()
    }
    assert answer["totals"]["this"] == sum(this.values())
    if answer["topGroup"] is not None:
        assert this[answer["topGroup"]] == max(this.values()) > 0


def test_every_week_is_explained(api: Api, truth: Recomputation) -> None:
    names = ("total_volume", "workout_count", "set_count", "rep_count", "volume_by_muscle_group",
             "quarantined")  # fmt: skip
    for (user, week), figures in truth.weekly_stats.items():
        answer = asked(api, user, f"weeks/{week}/explain")
        assert answer["agrees"]
        assert answer["figures"] == {name: figures[name] for name in names}
        exercises = [each for workout in answer["workouts"] for each in workout["exercises"]]
        sets = [each for exercise in exercises for each in exercise["sets"]]
        summed = sum(Fraction(s["reps"]) * Fraction(s["weight"] or 0) for s in sets)
        assert (summed, len(sets)) == (figures["total_volume"], figures["set_count"])
        left_out = [each for workout in answer["workouts"] for each in workout["left_out"]]
        assert len(left_out) == figures["quarantined"]
        assert all(each["reason"] for each in left_out)
        assert asked(api, user, f"weeks/{week}")["set_count"] == len(sets)


AT = ["2020-11-01", "2021-01-03", "2021-03-13", "2021-03-14", "2021-11-07", "2025-12-31"]


@pytest.mark.parametrize("at", AT)
def test_records_at_a_date(api: Api, tables: Tables, at: str) -> None:
    midnight = datetime.combine(date.fromisoformat(at) + timedelta(days=1), datetime.min.time())
    then = Recomputation(real_logs.until(tables, midnight.replace(tzinfo=ZONE)), ZONE)
    for user in USERS:
        expected = {key[1:]: row for key, row in then.records.items() if key[0] == user}
        found = {
            (each["exercise_id"], each["kind"]): each
            for each in pages(api, user, f"records?at={at}&limit=700", "records")
        }
        assert found.keys() == expected.keys()
        for key, row in expected.items():
            each = found[key]
            for name in ("value", "reps", "weight"):
                assert each[name] == row[name]
            assert each["evidence"] == {
                name: row[name] for name in ("workout_id", "date", "performed_exercise_id", "set")
            }


def pages(api: Api, user: int, path: str, name: str) -> Iterator[dict[str, Any]]:
    """Go through the pages of a list."""
    cursor: str | None = ""
    while cursor is not None:
        answer = asked(api, user, path + (f"&cursor={cursor}" if cursor else ""))
        yield from answer[name]
        cursor = answer["next_cursor"]


@pytest.mark.parametrize(
    ("path", "name"), [("records", "records"), ("exercises", "exercises"),
                       ("top-workouts", "top_workouts"), ("records?at=2030-01-01", "records")]
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 300])
def test_pages_make_the_whole(api: Api, path: str, name: str, size: int) -> None:
    mark = "&" if "?" in path else "?"
    whole = asked(api, 4, f"{path}{mark}limit=1000")[name]
    assert [*pages(api, 4, f"{path}{mark}limit={size}", name)] == whole
    assert len(whole) > 10


def test_the_last_records_are_those_that_are_kept(api: Api) -> None:
    for user in USERS:
        kept = [*pages(api, user, "records?limit=1000", "records")]
        assert [*pages(api, user, "records?at=2030-01-01&limit=1000", "records")] == kept


@pytest.mark.parametrize("user", USERS)
def test_progress(api: Api, truth: Recomputation, user: int) -> None:
    done: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for workout in truth.workouts.values():
        if workout["user_id"] == user:
            for each in workout["exercises"]:
                done[each["exercise_id"]][workout["week"]].append((workout, each))
    for exercise_id in sorted(done)[:40]:
        path = f"exercises/{exercise_id}/progress?start=2020-01-01&end=2025-12-31"
        answer = asked(api, user, path)
        weeks = done[exercise_id]
        assert [each["week"] for each in answer["weeks"]] == sorted(weeks)
        for each in answer["weeks"]:
            assert_progress(each, weeks[each["week"]])


def assert_progress(week: dict[str, Any], performed: list[Any]) -> None:
    sets = [s for _, each in performed for s in each["sets"]]
    assert week["sets"] == len(sets)
    assert week["volume"] == sum(each["volume"] for _, each in performed)
    heavy = [s for s in sets if s["reps"] >= 1 and (s["weight"] or 0) > 0]
    heaviest: Callable[[Any], Any] = lambda s: s["weight"]  # noqa: E731
    if heavy:
        assert week["bestSet"]["weight"] == max(map(heaviest, heavy))
    else:
        assert week["bestSet"] is None
    few = [s["weight"] * (1 + Fraction(s["reps"], 30)) for s in heavy if s["reps"] <= 12]
    assert week["estimated1RM"] == (round(max(few), 2) if few else None)


def test_an_empty_user_is_answered(api: Api) -> None:
    assert asked(api, 9, "calendar")["days"] == []
    assert asked(api, 9, "exercises/1/progress")["weeks"] == []
    assert (
        len(asked(api, 9, "exercises/1/progress?fill=zero&start=2021-W01&end=2021-W03")["weeks"])
        == 3
    )
    assert api.get("/v1/users/9/weeks/2021-W01/explain", 9).status_code == 404
