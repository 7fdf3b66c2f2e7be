"""`tonnage stream run` and `status`: workers and how far they are."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.freshness import Freshness, judge
from infra.commands import erase, quarantine, reset
from stream.generations import State
from stream.settings import load_settings
from stream.status import GenerationStatus, StreamStatus, stream_status

app = typer.Typer(no_args_is_help=True, help="Workers: run them, look at them, rebuild.")

reset.register(app)
erase.register(app)
app.add_typer(quarantine.app, name="quarantine")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    port: Annotated[
        int,
        typer.Option(
            envvar="TONNAGE_WORKER_PORT", help="Port of /health and /metrics; 0 picks a free one."
        ),
    ] = 0,
) -> None:
    """Run a worker; as many as there are partitions may run.

    Example: tonnage stream run --port 6066
    """
    from stream.host import run_worker  # noqa: PLC0415 - a second of imports that no other command needs

    run_worker(load_settings(), port)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show each generation: its partitions' positions and lags, and how fresh it is.

    Example: tonnage stream status --json
    """
    settings = load_settings()
    found = stream_status(settings)
    reason = _stale(found, settings.stale_after_seconds)
    if as_json:
        body = _body(found) | {"stale": reason is not None, "reason": reason}
        typer.echo(json.dumps(body, indent=2, default=str))
        return
    console = Console()
    for each in found.generations:
        console.print(_table(each))
        console.print(_summary(each), highlight=False)
    if found.quarantined:
        listed = "`tonnage stream quarantine list` shows them"
        console.print(f"{found.quarantined:,} rows are left out: {listed}", highlight=False)
    if reason:
        console.print(f"[bold red]stale:[/] {escape(reason)}", highlight=False)


def _stale(found: StreamStatus, after_seconds: float) -> str | None:
    """Say why answers are stale, as the API says it; None where they are not."""
    freshness = (
        Freshness(each.generation, each.lsn, each.source_time, found.incidents, each.epoch)
        for each in found.generations
        if each.state == State.SERVING
    )
    now = datetime.now(UTC)
    return judge(next(freshness, None), 0, now=now, stale_after_seconds=after_seconds).reason


def _body(found: StreamStatus) -> dict[str, object]:
    """Write what serves at the top, as it was before there were several."""
    bodies = [_generation_body(each) for each in found.generations]
    serving = next((each for each in bodies if each["state"] == State.SERVING), {})
    more = {"incidents": found.incidents, "quarantined": found.quarantined}
    return {**serving, **more, "generations": bodies}


def _generation_body(found: GenerationStatus) -> dict[str, object]:
    partitions = [asdict(each) | {"lag": each.lag} for each in found.partitions]
    return asdict(found) | {"partitions": partitions}


def _table(found: GenerationStatus) -> Table:
    table = Table("step", "topic", "partition", "position", "end", "lag", box=None)
    for each in found.partitions:
        numbers = (each.partition, each.position, each.end, each.lag)
        table.add_row(each.step, each.topic, *map(str, numbers), style="yellow" if each.lag else "")
    return table


def _summary(found: GenerationStatus) -> str:
    fresh = (
        "nothing is complete yet"
        if found.lsn is None or found.lag_seconds is None
        else f"complete up to {found.lsn}, {found.lag_seconds:.1f} s behind the primary"
    )
    group = f"{found.workers} workers ({found.group_state})"
    what = f"Generation {found.generation}, {found.state}, epoch {found.epoch}"
    return f"\n{what}: {group}; {fresh}\n"
