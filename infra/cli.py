"""The command line: `tonnage`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from infra.commands import api, connector, demo, load, stack, stream, verify
from infra.errors import TonnageError
from stream.settings import SettingsError

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Live, exact training analytics beside a workout app's PostgreSQL.",
    pretty_exceptions_enable=False,
)
stack.register(app)
demo.register(app)
load.register(app)
verify.register(app)
app.add_typer(connector.app, name="connector")
app.add_typer(stream.app, name="stream")
app.add_typer(api.app, name="api")


def main() -> None:
    """Run the command line; an error that we foresaw is one line and exit code 1."""
    try:
        app()
    except (TonnageError, SettingsError) as error:
        Console(stderr=True).print(f"[bold red]tonnage:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
