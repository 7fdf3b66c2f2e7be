"""`tonnage connector doctor`: what would break the capture, and what mends it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from connectors.doctor.doctor import examine, fix
from connectors.doctor.finding import Finding, Severity
from connectors.errors import ConnectorError
from infra.errors import TonnageError
from stream.admin import TopicsError
from stream.generations import serving_settings
from stream.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    *,
    mend: Annotated[
        bool,
        typer.Option("--fix", help="Mend what can be without restart or loss, then look again."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for what would break the capture, and print the SQL or command that mends it.

    Exits 1 where an error is left; warnings alone exit 0.

    For example:

    tonnage connector doctor

    tonnage connector doctor --fix

    tonnage connector doctor --json | jq -r '.findings[].sql[]'
    """
    settings = load_settings()
    with suppress(psycopg.Error):  # a read store that is away is a finding like others
        settings = serving_settings(settings)
    found = examine(settings)
    mended: list[Finding] = []
    if mend and any(each.safe for each in found):
        try:
            mended = fix(settings, found)
        except (ConnectorError, TopicsError) as error:
            raise TonnageError(str(error)) from error
        found = examine(settings)
    if as_json:
        body = {"findings": list(map(asdict, found)), "mended": [each.name for each in mended]}
        typer.echo(json.dumps(body, indent=2))
    else:
        show(found, mended)
    raise typer.Exit(1 if any(each.severity == Severity.ERROR for each in found) else 0)


def show(
    found: Sequence[Finding], mended: Sequence[Finding] = (), *, unless_none: bool = False
) -> None:
    """Print findings for people; statements stand on lines of their own, to be pasted."""
    console = Console(highlight=False, soft_wrap=True)
    for each in mended:
        console.print(f"mended: {each.what}", markup=False)
    for each in found:
        style = "bold red" if each.severity == Severity.ERROR else "yellow"
        console.print(f"[{style}]{each.severity}[/]", end=" ")
        console.print(f"{each.what}: {each.breaks}. ({each.name})", markup=False)
        for line in each.sql or filter(None, [each.command]):
            console.print(f"    {line}", markup=False)
    if not found and not unless_none:
        console.print("Nothing is wrong.")
