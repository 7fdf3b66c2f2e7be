from __future__ import annotations

from decimal import Decimal
from io import StringIO

from rich.console import Console
from rich.table import Table

from infra.charts import Share, Week, shares_table, weeks_chart, weeks_table

WEEKS = [
    Week("2026-W46", Decimal("14529.99999999999952"), 2, Decimal(7265)),
    Week("2026-W47", Decimal(0), 0, Decimal(0)),
    Week("2026-W48", Decimal(29060), 3, Decimal("9686.67")),
]


def drawn(table: Table) -> str:
    output = StringIO()
    Console(file=output, width=80).print(table)
    return output.getvalue()


def test_weeks_are_shown_to_one_place() -> None:
    row = next(line for line in drawn(weeks_table("ann", WEEKS)).splitlines() if "W46" in line)
    assert [each.strip() for each in row.strip("│").split("│")] == [
        "2026-W46", "14,530.0", "2", "7,265.0",
    ]  # fmt: skip


def test_bars_are_as_high_as_their_weeks() -> None:
    lines = weeks_chart("ann", WEEKS, 60).splitlines()
    assert max(map(len, lines)) <= 60
    bars = [line.count("█") for line in lines if "█" in line]
    assert bars[0] > 0
    assert bars[-1] in range(2 * bars[0] - 3, 2 * bars[0] + 4)  # two weeks at the foot, one on top
    assert "\x1b" not in "".join(lines)


def test_shares_come_in_order_of_volume_with_a_bar() -> None:
    shares = {
        "core": Share(Decimal(-5), Decimal("-0.5")),
        "legs": Share(Decimal(900), Decimal(90)),
        "arms": Share(Decimal(105), Decimal("10.5")),
    }
    rows = [line for line in drawn(shares_table("ann", shares)).splitlines() if "│" in line]
    assert [(row.split()[1], row.count("█")) for row in rows] == [
        ("legs", 27), ("arms", 3), ("core", 0),
    ]  # fmt: skip
