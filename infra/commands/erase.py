"""`tonnage stream erase`: nothing of a user is left, and where that was looked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from kafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from infra import caught_up
from infra.erasure.place import Place
from infra.erasure.proof import places
from infra.errors import TonnageError
from stream.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(erase)


def erase(
    user: Annotated[int, typer.Option("--user", metavar="N", help="Whose rows were deleted.")],
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until the deletion is served.")
    ] = 120,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove that nothing of a user is left, after the app has deleted their rows in the primary.

    Looks into the topics, the steps' state and the read store; empties what rows marked as
    deleted have left. Older records and ids without values are gone by the dates that it prints.
    Exits 1 where a value is left.

    Example: tonnage stream erase --user 4
    """
    settings = load_settings()
    caught_up.wait(settings, timeout=timeout)
    try:
        found = list(places(settings, user))
    except KafkaError as error:
        raise TonnageError(f"the topics can't be read: {error}") from error
    if as_json:
        typer.echo(json.dumps({"user": user, "places": list(map(asdict, found))}, indent=2))
    else:
        _show(found)
    raise typer.Exit(1 if any(each.values for each in found) else 0)


def _show(found: Sequence[Place]) -> None:
    console = Console(highlight=False)
    table = Table("place", "ids", "values left", "purged", "gone by", box=None)
    for each in found:
        style = "bold red" if each.values else ""
        counts = map(str, (each.keys, len(each.values), each.purged))
        table.add_row(each.where, *counts, each.gone_by, style=style)
    console.print(table)
    console.print("A partition is compacted by the first write to it that follows these dates.")
    for each in found:
        for key in each.values:
            console.print(f"left: {each.where} {key}", markup=False, soft_wrap=True)
