"""Tables and charts of training figures for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import plotext
from rich.markup import escape
from rich.table import Table

from api.models import MuscleGroups, WeeklyVolumes

_CHART_HEIGHT = 14
_BAR = 30


@dataclass(frozen=True, slots=True)
class Week:
    """A week as the API tells it: `week` is `2026-W47`, volumes in the source's unit."""

    week: str
    volume: Decimal
    workouts: int
    average: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """A muscle group's part of the volume; `percentage` is of all groups' together."""

    volume: Decimal
    percentage: Decimal


def weeks_of(answer: WeeklyVolumes) -> list[Week]:
    """Read an answer about weeks."""
    return [
        Week(each.week, each.totalVolume, each.workoutCount, each.avgVolumePerWorkout)
        for each in answer.weekly_volumes
    ]


def shares_of(answer: MuscleGroups) -> dict[str, Share]:
    """Read an answer about muscle groups."""
    groups = answer.muscle_groups.items()
    return {group: Share(each.volume, each.percentage) for group, each in groups}


def weeks_table(title: str, weeks: Sequence[Week]) -> Table:
    """Lay out weeks, one a row."""
    table = Table("week", title=title, title_justify="left")
    for heading in ("volume", "workouts", "volume a workout"):
        table.add_column(heading, justify="right")
    for each in weeks:
        table.add_row(each.week, _shown(each.volume), str(each.workouts), _shown(each.average))
    return table


def weeks_chart(title: str, weeks: Sequence[Week], width: int) -> str:
    """Draw thousands of volume as bars, `width` characters wide, in no colour of its own."""
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.title(title)
    figure.plot_size(width, _CHART_HEIGHT)
    heights = [float(each.volume) / 1000 for each in weeks]
    figure.draw(figure.bar([each.week[2:] for each in weeks], heights, width=0.6))
    return str(plotext.uncolorize(str(figure.build())))


def shares_table(title: str, shares: Mapping[str, Share]) -> Table:
    """Lay out muscle groups by their part of the volume, the greatest first, each with a bar."""
    table = Table("muscle group", title=title, title_justify="left")
    for heading in ("volume", "%"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for group, share in sorted(shares.items(), key=lambda each: -each[1].volume):
        bar = "█" * max(round(share.percentage * _BAR / 100), 0)
        table.add_row(group, _shown(share.volume), f"{share.percentage}", f"[cyan]{bar}")
    return table


@dataclass(frozen=True, slots=True)
class Record:
    """A personal record as people read it; `lift` is the set that holds it, if one does."""

    exercise: str
    kind: str
    value: Decimal
    lift: str
    day: str
    workout: int


def records_table(title: str, records: Sequence[Record]) -> Table:
    """Lay out records, one a row; an exercise is named once."""
    table = Table("exercise", "record", title=title, title_justify="left")
    table.add_column("value", justify="right")
    for heading in ("set", "day", "workout"):
        table.add_column(heading)
    named = ""
    for each in records:
        name = "" if each.exercise == named else each.exercise
        named = each.exercise
        table.add_row(
            escape(name), each.kind, f"{each.value:,f}", each.lift, each.day, str(each.workout)
        )
    return table


@dataclass(frozen=True, slots=True)
class Balance:
    """A muscle group's share (0…1) of the baseline's and of the recent volume."""

    baseline: Decimal
    recent: Decimal
    status: str


_STATUS = {"undertrained": "[yellow]", "ok": "[green]", "overemphasized": "[magenta]"}


def balance_table(title: str, groups: Mapping[str, Balance]) -> Table:
    """Lay out muscle groups: their shares in percent, a bar of each, the status."""
    table = Table("muscle group", title=title, title_justify="left")
    for heading in ("baseline %", "recent %"):
        table.add_column(heading, justify="right")
    table.add_column("baseline, recent")
    table.add_column("status")
    for group, each in groups.items():
        shares = (each.baseline, each.recent)
        long = [round(max(share, Decimal(0)) * _BAR) for share in shares]
        bars = f"[dim]{'█' * long[0]}[/]\n[cyan]{'█' * long[1]}[/]"
        percents = (f"{100 * share:.1f}" for share in shares)
        table.add_row(group, *percents, bars, _STATUS.get(each.status, "") + each.status)
    return table


def _shown(volume: Decimal) -> str:
    """Write a volume for people: to one place; `--json` and the API give every digit."""
    return f"{volume:,.1f}"
