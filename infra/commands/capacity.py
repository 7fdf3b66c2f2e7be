"""`tonnage capacity`: what a deployment needs for so many users."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from infra.capacity import HOUR, Box, Figures, People, Plan, deviation, plan, read_figures

SIZES = (10_000, 1_000_000, 100_000_000)
TOLERANCE = 0.3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("capacity")(capacity)


def capacity(
    users: Annotated[
        list[int] | None, typer.Option(min=1, metavar="N", help="Users; may be repeated.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What a benchmark has measured, as JSON.")
    ] = None,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Hold the model to the runs in FILE."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a deployment needs for so many users, and what of one box breaks first.

    It is a model: docs/scaling.md says what it takes for given.

    Example: tonnage capacity --users 1000000
    """
    measured = Figures() if figures is None else read_figures(figures)
    if check:
        _check(measured)
        return
    plans = {count: plan(People(count), measured, Box()) for count in users or SIZES}
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(plans), indent=2).decode())
        return
    table = Table("", *(f"{count:,} users" for count in plans), box=None)
    for name, *cells in lines(list(plans.values())):
        table.add_row(name, *cells)
    Console().print(table)


def _check(figures: Figures) -> None:
    if not figures.runs:
        raise typer.BadParameter("--check needs --figures FILE with `runs`")
    for run in figures.runs:
        off = deviation(figures, run)
        typer.echo(
            f"{run.rows:,} rows, {run.workers} workers, {run.cores:g} cores:"
            f" measured {run.seconds:.1f} s, the model is off by {off:+.0%}"
        )
    if any(abs(deviation(figures, run)) > TOLERANCE for run in figures.runs):
        raise typer.Exit(1)


def lines(plans: list[Plan]) -> list[tuple[str, ...]]:
    """Return the plans side by side: a name, then a cell of each."""
    return [
        ("rows in the source", *(_count(each.rows) for each in plans)),
        ("changes a second", *(f"{each.events:,.1f}" for each in plans)),
        ("changes a second, at peak", *(f"{each.peak_events:,.1f}" for each in plans)),
        ("questions a second, at peak", *(f"{each.peak_questions:,.0f}" for each in plans)),
        ("workers", *(f"{each.workers:,}" for each in plans)),
        ("partitions", *(f"{each.partitions:,}" for each in plans)),
        ("connectors", *(f"{each.connectors:,}" for each in plans)),
        ("API processes", *(f"{each.apis:,}" for each in plans)),
        ("read stores", *(f"{each.read_stores:,}" for each in plans)),
        ("state of all workers", *(_bytes(each.state) for each in plans)),
        ("topics, three replicas", *(_bytes(each.topics) for each in plans)),
        ("read stores' data", *(_bytes(each.read_store) for each in plans)),
        ("a snapshot", *(_time(each.snapshot) for each in plans)),
        ("a rebuild", *(_time(each.rebuild) for each in plans)),
        ("a restore of all state", *(_time(each.restore) for each in plans)),
        ("processors", *(f"{each.cores:,}" for each in plans)),
        ("cost a month", *(f"${each.cost:,.0f}" for each in plans)),
        ("breaks first on one box", *(_first(each) for each in plans)),
    ]


def _first(found: Plan) -> str:
    if not found.breaks:
        return "nothing"
    worst = found.breaks[:3]
    return "; ".join(
        f"{each.name} ({each.use:,.{0 if each.use >= 10 else 1}f} ×)" for each in worst
    )


def _count(number: float) -> str:
    for unit, size in (("billion", 1e9), ("million", 1e6)):
        if number >= size:
            return f"{number / size:,.3g} {unit}"
    return f"{number:,.0f}"


def _bytes(number: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9)):
        if number >= size:
            return f"{number / size:,.3g} {unit}"
    return f"{number / 1e6:,.3g} MB"


def _time(seconds: float) -> str:
    if seconds >= HOUR:
        return f"{seconds / HOUR:,.3g} h"
    return f"{seconds / 60:,.3g} min"
