from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from infra.differences import Difference, Json, Row, Side, compare

COLUMNS = ("user_id", "week", "total", "detail")


def differences(
    expected: Sequence[Row], found: Sequence[Row], columns: Sequence[str] = COLUMNS
) -> list[tuple[str, str, str | None, str | None]]:
    sides = Side(columns, expected), Side(columns, found)
    return [
        (" ".join(each.key.values()), each.column, each.expected, each.found)
        for each in compare("weekly_stats", 2, *sides, Counter())
    ]


def detail(expected: str, found: str, column: str = "detail") -> list[str]:
    columns = (*COLUMNS[:3], column)
    rows = [(1, 1, 5, Json(expected))], [(1, 1, 5, Json(found))]
    return [f"{place} {one} {other}" for _, place, one, other in differences(*rows, columns)]


def test_equal_rows_differ_in_nothing() -> None:
    rows = [(1, 1, 5, None), (1, 2, 6, None)]
    assert differences(rows, rows) == []


def test_each_differing_column_is_named() -> None:
    found = differences([(1, 1, 5, None)], [(1, 1, 6, 7)])
    assert found == [("1 1", "total", "5", "6"), ("1 1", "detail", "null", "7")]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_row_that_one_side_lacks_is_named(place: int) -> None:
    whole: list[Row] = [(1, 1, 5, None), (1, 2, 6, None), (2, 1, 7, None)]
    part = [row for row in whole if row != whole[place]]
    user, week, total, _ = whole[place]
    row = f"{user} | {week} | {total} | null"
    assert differences(whole, part) == [(f"{user} {week}", "(the whole row)", row, None)]
    assert differences(part, whole) == [(f"{user} {week}", "(the whole row)", None, row)]


def test_nothing_on_one_side() -> None:
    rows: list[Row] = [(1, 1, 5, None), (1, 2, 6, None)]
    assert len(differences(rows, [])) == 2
    assert len(differences([], rows)) == 2


def test_json_is_compared_by_its_values() -> None:
    assert detail('{"chest": 1740, "legs": 1}', '{"legs": 1.0, "chest": 1740.00}') == []


def test_json_differs_by_member() -> None:
    found = detail('{"chest": 1, "legs": 2}', '{"chest": 1.5, "back": 3}')
    assert found == ["detail.back null 3", "detail.chest 1 1.5", "detail.legs 2 null"]


def test_a_list_differs_as_a_whole() -> None:
    assert detail("[1, 2]", "[2, 1]") == ["detail [1, 2] [2, 1]"]


def test_json_numbers_are_exact() -> None:
    assert detail("[0.1000000000000000055]", "[0.1]") != []


@pytest.mark.parametrize(
    ("found", "count"),
    [("2026-11-16T07:00:00Z", 0), ("2026-11-16T08:00:00+01:00", 0), ("2026-11-16T07:00:01Z", 1),
     ("soon", 1)],
)  # fmt: skip
def test_last_trained_is_compared_as_moments(found: str, count: int) -> None:
    expected = '{"chest": "2026-11-16T07:00:00.000000Z"}'
    column = "last_trained_by_muscle_group"
    assert len(detail(expected, f'{{"chest": "{found}"}}', column)) == count


def test_columns_that_one_side_lacks_are_left_out() -> None:
    expected = Side(COLUMNS, [(1, 1, 5, 9)])
    found = Side((*COLUMNS[:2], "detail", "total"), [(1, 1, 9, 6)])
    (one,) = compare("weekly_stats", 2, expected, found, Counter())
    assert (one.column, one.expected, one.found) == ("total", "5", "6")


def test_rows_are_counted() -> None:
    compared: Counter[str] = Counter()
    sides = Side(COLUMNS, [(1, 1, 5, 9)]), Side(COLUMNS, [(1, 2, 5, 9)])
    assert len(list(compare("weekly_stats", 2, *sides, compared))) == 2
    assert compared == {"weekly_stats": 2}


def test_a_difference_reads_as_a_line() -> None:
    one = Difference("weekly_stats", {"user_id": "1", "week": "47"}, "total", "5", None)
    assert str(one) == "weekly_stats user_id=1 week=47: total: expected 5, found no row"
