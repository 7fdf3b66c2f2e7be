"""`tonnage connector`: Debezium's connector, and what it needs in the primary and in Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from connectors import applying, capture, registration
from connectors.doctor.doctor import examine_primary
from connectors.errors import ConnectorError
from connectors.snapshot import take
from connectors.state import CaptureState, Slot
from infra import watching
from infra.commands.doctor import register as register_doctor
from infra.commands.doctor import show
from infra.errors import TonnageError
from stream.admin import TopicsError
from stream.generations import serving_settings
from stream.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Debezium's connector: make it, look at it, pause it, start it again.",
)

register_doctor(app)

Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait for the connector.")]

NO_DELETIONS = (
    "No snapshot shows deletions: rows that were deleted unnoticed stay in the figures for good."
    " To be right again from the source, `tonnage stream reset --from-source` takes a new snapshot"
    " into fresh state and switches when it is complete."
)


@app.command()
def apply(
    *,
    print_sql: Annotated[
        bool,
        typer.Option("--print-sql", help="Only print the SQL for the primary, to run by hand."),
    ] = False,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Leave the primary alone: that SQL was run by hand.")
    ] = False,
    timeout: Timeout = applying.RUNS_WITHIN_SECONDS,
) -> None:
    """Make the connector, or bring it to what the settings say; harmless again and again.

    Prepares the primary (a role, a heartbeat row, a publication), makes the topics, registers
    the connector and waits until it runs.

    For example:

    tonnage connector apply

    tonnage connector apply --print-sql > capture.sql

    tonnage connector apply --prepared
    """
    if print_sql:
        typer.echo(capture.as_sql(load_settings()), nl=False)
        return
    settings = serving_settings(load_settings())
    with _foreseen():
        changed = applying.apply(settings, prepared=prepared, timeout=timeout)
    said = "runs as configured" if changed else "was as configured, and runs"
    typer.echo(f"connector {settings.connector_name} {said}")
    show(examine_primary(settings), unless_none=True)


@app.command()
def watch(
    port: Annotated[
        int,
        typer.Option(envvar="TONNAGE_WATCH_PORT", help="Port of /metrics; 0 picks a free one."),
    ] = 0,
) -> None:
    """Watch the capture: notice what the log of changes can't tell, several times a second.

    A slot that was dropped, moved or lost, a TRUNCATE, a renamed table, another server: every
    answer is stale then, and says why. What has failed is started again. With TONNAGE_REBUILD=auto
    a rebuild from the source begins by itself. Run one beside the workers.

    Example: tonnage connector watch --port 6067
    """
    watching.watch(load_settings(), port)


@app.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the connector, its slot, the publication and the heartbeat; exit 1 if one is wrong.

    For example:

    tonnage connector status

    tonnage connector status --json | jq .slot.retained_bytes
    """
    settings = serving_settings(load_settings())
    with _foreseen():
        state = registration.status(settings)
    if as_json:
        typer.echo(json.dumps(asdict(state), indent=2))
    else:
        _show(state)
    raise typer.Exit(1 if state.problems else 0)


@app.command()
def pause(*, timeout: Timeout = 60) -> None:
    """Stop taking changes; the primary keeps them until `resume`.

    What is written meanwhile stays in the primary's WAL: `status` shows how much.
    """
    with _foreseen():
        registration.pause(serving_settings(load_settings()), timeout)
    typer.echo("connector paused; go on with `tonnage connector resume`")


@app.command()
def resume(*, timeout: Timeout = 60) -> None:
    """Go on after `pause`, from where it stopped."""
    with _foreseen():
        registration.resume(serving_settings(load_settings()), timeout)
    typer.echo("connector runs")


@app.command()
def restart(*, timeout: Timeout = 60) -> None:
    """Start the connector and its task again, after the cause of a failure is gone."""
    with _foreseen():
        registration.restart(serving_settings(load_settings()), timeout)
    typer.echo("connector runs")


@app.command()
def snapshot(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows by table.")] = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds to wait without a word of Debezium.")
    ] = 600,
) -> None:
    """Have every captured row emitted again, while changes go on; rows that differ are mended.

    No snapshot shows deletions: where some may have been missed, rebuild from the source by
    `tonnage stream reset --from-source`.

    Example: tonnage connector snapshot --yes
    """
    settings = serving_settings(load_settings())
    typer.echo(NO_DELETIONS, err=True)
    if not yes:
        typer.confirm("Read every row of the captured tables again?", abort=True)
    with _foreseen(), Console(stderr=True).status("asking Debezium") as shown:
        rows = take(settings, timeout, lambda table: shown.update(f"reading {table}"))
    counted = ", ".join(f"{count:,} of {table}" for table, count in rows.items())
    typer.echo(json.dumps(rows) if as_json else f"Rows emitted again: {counted}.")


@contextmanager
def _foreseen() -> Iterator[None]:
    try:
        yield
    except (ConnectorError, TopicsError) as error:
        raise TonnageError(str(error)) from error


def _show(state: CaptureState) -> None:
    table = Table(show_header=False, box=None)
    connector = state.connector
    table.add_row("connector", connector.state)
    for task in connector.tasks:
        table.add_row(f"task {task.number}", task.state)
    table.add_row("slot", _slot_line(state.slot))
    table.add_row("publication", ", ".join(state.publication or ()) or "missing")
    age = state.heartbeat_age_seconds
    table.add_row("heartbeat", "missing" if age is None else f"{age:.1f} s ago")
    console = Console()
    console.print(table)
    for problem in state.problems:
        console.print(f"[bold red]wrong:[/] {problem}", highlight=False, soft_wrap=True)


def _slot_line(slot: Slot | None) -> str:
    if slot is None:
        return "missing"
    active = "active" if slot.active else "not active"
    held = decimal(slot.retained_bytes or 0)
    room = "" if slot.safe_wal_size is None else f", lost after {decimal(slot.safe_wal_size)} more"
    return (
        f"{slot.slot_name}: {active}, WAL {slot.wal_status}, holds {held} back{room},"
        f" confirmed up to {slot.confirmed_flush_lsn}"
    )
