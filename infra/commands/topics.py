"""`tonnage topics`: the contract of the public topics, and messages to test a consumer with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from infra.published import RELEASED, check, export
from stream.sample.flow import PublicMessage
from stream.sample.lifters import Lifters

app = typer.Typer(no_args_is_help=True, help="The public topics: their contract, and samples.")

FolderOption = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Where the contract's files are.")
]


@app.command("export")
def export_command(folder: FolderOption = Path("docs/topics")) -> None:
    """Write the contract: an AsyncAPI document, and JSON Schemas of keys, values and headers.

    A release is written once more, into FOLDER/released/VERSION.

    Example: tonnage topics export docs/topics
    """
    for path in export(folder):
        typer.echo(path)


@app.command("check")
def check_command(
    folder: FolderOption = Path("docs/topics"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold the contract against each released one: both must read what the other writes.

    Exits 1 where they don't.

    Example: tonnage topics check docs/topics
    """
    found = check(folder)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for version, breaks in found.items():
            for each in breaks:
                typer.echo(f"{version}: {each}")
            if not breaks:
                typer.echo(f"{version}: compatible")
        if not found:
            typer.echo(f"nothing is released in {folder / RELEASED}")
    if any(found.values()):
        raise typer.Exit(1)


@app.command("sample")
def sample_command(
    seed: Annotated[int, typer.Option(help="The same seed gives the same messages.")] = 1,
    users: Annotated[int, typer.Option(min=1, help="How many people train.")] = 3,
    changes: Annotated[int, typer.Option(min=1, help="How often the app's rows change.")] = 100,
    topic: Annotated[
        str | None, typer.Option(help="Only this topic, `training.weekly-stats.v1` for one.")
    ] = None,
    repeats: Annotated[
        float, typer.Option(min=0, max=1, help="Share of messages after which an old one comes.")
    ] = 0.0,
) -> None:
    """Print messages of the public topics, made by the workers' own steps; no broker is needed.

    A line is {"topic", "partition", "key", "value", "headers"}; a value of null is a tombstone.

    Example: tonnage topics sample --seed 7 --topic training.weekly-stats.v1
    """
    for message in Lifters(seed, users, repeats=repeats).messages(changes):
        if topic in (None, message.topic):
            typer.echo(_encode(_line(message)).decode())


def _line(message: PublicMessage) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "partition": message.partition,
        "key": msgspec.Raw(message.key),
        "value": None if message.value is None else msgspec.Raw(message.value),
        "headers": {name: value.decode() for name, value in message.headers},
    }


_encode = msgspec.json.Encoder().encode
