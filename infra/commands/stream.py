"""`tonnage stream`: workers and their state."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra import caught_up
from infra.errors import TonnageError
from infra.home import Home
from infra.workers import paused
from stream.names import Topics
from stream.reset import rebuilding, serving_topics, throw_away
from stream.settings import Settings, load_settings
from stream.status import StreamStatus, stream_status
from stream.worker import run_worker

app = typer.Typer(no_args_is_help=True, help="Workers: run them, look at them, rebuild.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    port: Annotated[
        int,
        typer.Option(envvar="TONNAGE_WORKER_PORT", help="Port of /health; 0 picks a free one."),
    ] = 0,
) -> None:
    """Run a worker; as many as there are partitions may run.

    Example: tonnage stream run --port 6066
    """
    run_worker(load_settings(), port)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show each partition's position and lag, and how fresh the answers are."""
    settings = load_settings()
    found = stream_status(settings, _serving(settings))
    if as_json:
        partitions = [asdict(each) | {"lag": each.lag} for each in found.partitions]
        body = asdict(found) | {"partitions": partitions}
        typer.echo(json.dumps(body, indent=2, default=str))
        return
    console = Console()
    console.print(_table(found))
    console.print(_summary(found), highlight=False)


@app.command()
def reset(
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Stop the workers and build again in place.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until caught up.")] = 600,
) -> None:
    """Rebuild everything from the source topics.

    Returns when the read store has caught up. While it lasts, answers are stale and grow.

    Example: tonnage stream reset --in-place --yes
    """
    if not in_place:
        raise typer.BadParameter("only a rebuild in place is there: add --in-place")
    settings = load_settings()
    topics = _serving(settings)
    if not yes:
        typer.confirm(f"Throw generation {topics.generation} away and build it again?", abort=True)
    with rebuilding(settings, "the figures are being built again in place"):
        with paused(Home.at(settings.home)):
            throw_away(settings, topics)
        caught_up.wait(settings, timeout=timeout, despite_incidents=True)
    Console().print(f"Generation {topics.generation} is built again and serves.")


def _serving(settings: Settings) -> Topics:
    topics = serving_topics(settings)
    if topics is None:
        raise TonnageError("no generation serves yet: start a worker with `tonnage stream run`")
    return topics


def _table(found: StreamStatus) -> Table:
    table = Table("step", "topic", "partition", "position", "end", "lag", box=None)
    for each in found.partitions:
        numbers = (each.partition, each.position, each.end, each.lag)
        table.add_row(each.step, each.topic, *map(str, numbers), style="yellow" if each.lag else "")
    return table


def _summary(found: StreamStatus) -> str:
    fresh = (
        "nothing is served yet"
        if found.lsn is None or found.lag_seconds is None
        else f"served up to {found.lsn}, {found.lag_seconds:.1f} s behind the primary"
    )
    group = f"{found.workers} workers ({found.group_state})"
    trouble = f"\n[bold red]stale:[/] {found.incidents}" if found.incidents else ""
    return f"\nGeneration {found.generation}, epoch {found.epoch}: {group}; {fresh}{trouble}"
