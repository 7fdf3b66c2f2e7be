"""`tonnage up`, `tonnage down` and `tonnage status`."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra import stack
from infra.blueprint import KINDS
from infra.home import Home
from stream.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


class Watch:
    """Shows each step with its time while a person watches."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"))
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.tasks: dict[str, TaskID] = {}

    def seen(self, name: str, done: bool) -> None:  # noqa: FBT001 - a callback's argument
        """Show that a step has begun, or is done."""
        if done:
            self.progress.update(self.tasks[name], completed=1)
        else:
            self.tasks[name] = self.progress.add_task(name, total=1)


def up(
    only: Annotated[
        str | None, typer.Option(help=f"Start these alone: some of {','.join(KINDS)}.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="How many workers [default: TONNAGE_WORKERS].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start the local stack in the background; return when all of it is ready."""
    kinds = _kinds(only)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    watch = Watch()
    with watch.progress:
        found = stack.up(_home(), kinds, workers, watch.seen)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(f"Ready in {time.monotonic() - began:.1f} s. {_home().stack_file} has the addresses.")
    _print(stack.status(_home()))


def down(
    purge: Annotated[bool, typer.Option(help="Delete the data, too.")] = False,
) -> None:
    """Stop the local stack."""
    home = _home()
    stopped = stack.down(home, purge=purge)
    print(f"Stopped {', '.join(stopped)}." if stopped else f"Nothing runs in {home.root}.")
    if purge:
        print(f"Deleted the data in {home.root}.")


def status(as_json: AsJson = False) -> None:
    """Show each part of the local stack; exit code 1 when none runs or one is down."""
    home = _home()
    parts = stack.status(home)
    if as_json:
        print(json.dumps({**home.read("stack.json"), **_as_json(parts)}, indent=2))
    elif parts:
        _print(parts)
    else:
        print(f"Nothing runs in {home.root}. `tonnage up` starts the stack.")
    sys.exit(0 if parts and all(part.state in {"running", "starting"} for part in parts) else 1)


def _home() -> Home:
    return Home.at(load_settings().home)


def _kinds(only: str | None) -> tuple[str, ...]:
    if only is None:
        return KINDS
    kinds = tuple(filter(None, (each.strip() for each in only.split(","))))
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong or not kinds:
        named = ", ".join(wrong) or "nothing"
        raise typer.BadParameter(f"{named}: choose from {', '.join(KINDS)}", param_hint="--only")
    return kinds


def _as_json(parts: list[stack.PartStatus]) -> dict[str, Any]:
    return {"parts": [asdict(part) for part in parts]}


def _print(parts: list[stack.PartStatus]) -> None:
    # addresses are whole where no terminal bounds them
    Console(width=None if sys.stdout.isatty() else 120).print(_table(parts))


def _table(parts: list[stack.PartStatus]) -> Table:
    table = Table("part", "state", "pid", "up", "restarts", "memory", "address", box=None)
    for part in parts:
        colour = "green" if part.state == "running" else "yellow"
        table.add_row(
            part.name,
            f"[{colour}]{part.state}",
            str(part.pid or ""),
            _duration(part.uptime_seconds),
            str(part.restarts),
            "" if part.memory_mib is None else f"{part.memory_mib:.0f} MiB",
            part.address,
        )
    total = sum(part.memory_mib or 0 for part in parts)
    table.add_row("", "", "", "", "", f"{total:.0f} MiB", "in all")
    return table


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
