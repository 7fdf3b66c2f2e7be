"""`tonnage load`: workout logs into the primary."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.load import FileReport, load
from stream.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("load")(load_command)


def load_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Logs to load.")],
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose logs these are; an export needs it.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Put workout logs into the primary as the app would; what is there already is left alone.

    Reads normalised logs (JSON lines) and the CSV exports of Strong, Hevy and FitNotes.
    """
    settings = load_settings()
    reports = [load_file(settings, path, user) for path in files]
    if as_json:
        print(json.dumps([asdict(each) for each in reports], indent=2, default=str))
    else:
        for report in reports:
            print_report(report)
    if any(report.bad for report in reports):
        raise typer.Exit(1)


def load_file(settings: Settings, path: Path, user: str | None = None) -> FileReport:
    """Load one log, with a progress bar where a person watches."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(f"Loading {path.name}", total=None)
        return load(
            settings,
            path,
            user,
            lambda done, total: progress.update(task, completed=done, total=total),
        )


def print_report(report: FileReport) -> None:
    """Say in a line what became of a log, and on standard error which lines were left out."""
    print(
        f"{report.file}: {report.added} workouts added, {report.completed} completed,"
        f" {report.unchanged} there already; {report.rows} performed exercises written"
    )
    for bad in report.bad:
        typer.echo(f"{report.file}:{bad.line}: {bad.reason}", err=True)
