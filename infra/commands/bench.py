"""`tonnage bench`: what it costs and how quick it is, as ratios taken in one run."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from infra.bench.figure import Figure

USERS, WEEKS = 200, 260


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Only these; default all.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often each measure is taken, ours and the peer's.")
    ] = 3,
    users: Annotated[
        int, typer.Option(min=11, help="Users of the stack that is measured, of 5 years each.")
    ] = USERS,
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the figures to a file, as JSON.")
    ] = None,
    figures_file: Annotated[
        Path | None,
        typer.Option(
            "--figures", dir_okay=False, help="Write what `tonnage capacity --figures` reads."
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Say which there are, and end.")] = False,
) -> None:
    """Measure on local stacks of their own, and print each figure beside its peer's.

    Every figure is a ratio of two measures of the same run: absolute times say more about the
    machine. Settings from outside are not used, and no data but made rows are touched.

    Examples: tonnage bench --list; tonnage bench freshness http-read --json
    """
    from infra.bench.all import BENCHES  # noqa: PLC0415 - peers are slow to import
    from infra.bench.ground import clear_environment  # noqa: PLC0415
    from infra.bench.population import Population  # noqa: PLC0415
    from infra.bench.suite import Run, run  # noqa: PLC0415

    known = {each.name: each for each in BENCHES}
    if listed:
        for each in BENCHES:
            typer.echo(f"{each.name:20} {each.about}")
        return
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"no benchmark is named {', '.join(unknown)}: see --list")
    chosen = [each for each in BENCHES if not names or each.name in names]
    clear_environment()
    console = Console(stderr=True)
    with ExitStack() as resources:
        status = resources.enter_context(console.status("Starting"))
        population = Population(users, WEEKS, a_week=1, exercises=4)

        def say(what: str) -> None:
            status.update(f"Measuring: {what}")
            if not console.is_terminal:
                console.print(what)

        work = resources.enter_context(Run(population, rounds, say))
        figures = []
        for figure in run(chosen, work):
            figures.append(figure)
            console.print(f"{figure.name}: {figure.ratio:.3g}", markup=False)
    found = json.dumps([figure.as_json() for figure in figures], indent=2, ensure_ascii=False)
    if figures_file is not None and work.figures is not None:
        figures_file.write_bytes(msgspec.json.format(msgspec.json.encode(work.figures)) + b"\n")
    if output is not None:
        output.write_text(found + "\n")
    if as_json:
        typer.echo(found)
    else:
        Console().print(_table(figures))


def _table(figures: list[Figure]) -> Table:
    table = Table(title="Ours beside the peer's: medians, and the spread of the rounds' ratios")
    for column in ("name", "ratio", "must", "ours", "peer's", "spread", "peer"):
        table.add_column(column)
    for figure in figures:
        sign = "≥" if figure.better == "higher" else "≤"
        colour = {True: "green", False: "red", None: "default"}[figure.reached]
        table.add_row(
            figure.name,
            f"[{colour}]{figure.ratio:.3g}[/]",
            "" if figure.must is None else f"{sign} {figure.must:g}",
            f"{figure.median:.4g} {figure.unit}",
            f"{figure.peer_median:.4g} {figure.unit}",
            f"±{figure.spread / 2:.0%}",
            figure.peer,
        )
    return table
