"""`tonnage stream quarantine`: the rows that are left out, and judging them anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.errors import TonnageError
from infra.quarantine import Entry, listed, one
from infra.retry import Outcome, retry
from stream.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Rows that can't be counted: which, why, and whether they can be by now.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Topic = Annotated[str, typer.Argument(help="The topic, or the name of its table.")]
Key = Annotated[str, typer.Argument(help="The key as it is listed, or the row's id.")]


@app.command("list")
def list_command(
    user: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only this user's, as far as known.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the rows that are left out, the oldest first.

    A row that the source corrects goes off the list by itself.

    For example:

    tonnage stream quarantine list --user 4

    tonnage stream quarantine list --json | jq -r '.[].reason' | sort | uniq -c
    """
    found = listed(load_settings(), user)
    if as_json:
        typer.echo(_json([_body(each) for each in found]))
        return
    console = Console()
    if found:
        console.print(_table(found))
    console.print(f"{len(found):,} rows are left out", highlight=False)


@app.command()
def show(topic: Topic, key: Key, *, as_json: AsJson = False) -> None:
    """Show a row that is left out with its event, as it was read.

    For example:

    tonnage stream quarantine show workouts_performedexercise 4779
    """
    found = one(listed(load_settings()), topic, key)
    if as_json:
        typer.echo(_json(_body(found) | {"event": found.event}))
        return
    table = Table(show_header=False, box=None)
    for name, value in _body(found).items():
        table.add_row(name, escape("" if value is None else str(value)))
    console = Console()
    console.print(table)
    console.print(_pretty(found.event), markup=False, highlight=False, soft_wrap=True)


@app.command("retry")
def retry_command(
    topic: Annotated[str | None, typer.Argument(help="The topic, or the table's name.")] = None,
    key: Annotated[str | None, typer.Argument(help="The key as listed, or the row's id.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every row on the list.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the answer.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Have rows judged anew, as the workers' state holds them: never as the list has them.

    So a row that the source has corrected meanwhile stays as it is corrected. By the same
    rules a row is as bad as it was: this is for when the rules have changed, with a new version.
    Tells what became of each row; exits 0 once that is known.

    For example:

    tonnage stream quarantine retry workouts_performedexercise 4779

    tonnage stream quarantine retry --all
    """
    if everything == (topic is not None) or (topic is None) != (key is None):
        raise typer.BadParameter("name one row (TOPIC KEY), or say --all")
    settings = load_settings()
    entries = listed(settings)
    if topic is not None and key is not None:
        entries = [one(entries, topic, key)]
    failed = [each for each in entries if each.failed_step]
    if failed and not everything:
        raise TonnageError(_why_not(failed[0]))
    able = [each for each in entries if not each.failed_step]
    done = retry(settings, able, timeout) if able else []
    if as_json:
        skipped = [_outcome(Outcome(each.topic, each.key, each.reason)) for each in failed]
        bodies = [_outcome(each) | {"judged": True} for each in done]
        bodies += [each | {"judged": False} for each in skipped]
        typer.echo(_json(bodies))
        return
    for each in done:
        told = "is counted, or gone" if each.reason is None else f"is still bad: {each.reason}"
        typer.echo(f"{each.topic} {each.key} {told}")
    for entry in failed:
        typer.echo(_why_not(entry))
    typer.echo(f"{len(done):,} rows judged, {sum(not each.reason for each in done):,} off the list")


def _why_not(entry: Entry) -> str:
    return (
        f"{entry.topic} {entry.key} is on the list since {entry.failed_step} failed on it, and was"
        " left out: `tonnage stream reset` mends that, a retry can't"
    )


def _outcome(found: Outcome) -> dict[str, Any]:
    return {**asdict(found), "listed": found.reason is not None}


def _json(body: object) -> str:
    return json.dumps(body, indent=2, default=datetime.isoformat)


def _body(found: Entry) -> dict[str, Any]:
    """Return an entry without its event, which may be long."""
    return {name: value for name, value in asdict(found).items() if name != "event"}


def _table(found: Sequence[Entry]) -> Table:
    table = Table(box=None)
    for name in ("topic", "key", "user", "workout", "since", "reason"):
        table.add_column(name, overflow="fold")
    for each in found:
        known = ["" if value is None else str(value) for value in (each.user_id, each.workout_id)]
        since = "" if each.since is None else f"{each.since:%Y-%m-%d %H:%M:%S}"
        cells = [each.topic, each.key, *known, since, each.reason]
        table.add_row(*map(escape, cells))
    return table


def _pretty(event: str | None) -> str:
    """Return an event as people read it; one that is no JSON as it stands."""
    if event is None:
        return ""
    try:
        return json.dumps(json.loads(event), indent=2, ensure_ascii=False)
    except (json.JSONDecodeError, RecursionError):
        return event
