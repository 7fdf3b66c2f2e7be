"""The command line: `tonnage`."""

from __future__ import annotations

import sys

import psycopg
import typer
from rich.console import Console
from rich.markup import escape

from api.client_errors import AnalyticsError
from connectors.errors import ConnectorError
from infra.commands import (
    api,
    bench,
    capacity,
    connector,
    demo,
    figures,
    load,
    stack,
    stream,
    topics,
    verify,
)
from infra.errors import TonnageError
from stream.admin import TopicsError
from stream.health import EngineEndedError
from stream.janitor import WorkersRunError
from stream.settings import SettingsError
from stream.switch import BehindError

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
figures.register(app)
bench.register(app)
capacity.register(app)
app.add_typer(connector.app, name="connector")
app.add_typer(stream.app, name="stream")
app.add_typer(topics.app, name="topics")
app.add_typer(api.app, name="api")


FORESEEN = (
    *(AnalyticsError, TonnageError, SettingsError, ConnectorError, TopicsError),
    *(WorkersRunError, BehindError, EngineEndedError),
)
"""Errors whose message says what happened, where, and what to do."""


def main() -> None:
    """Run the command line; an error that we foresaw is one line and exit code 1."""
    try:
        app()
    except FORESEEN as error:
        _fail(str(error))
    except psycopg.OperationalError as error:
        _fail(f"a database does not answer: {str(error).splitlines()[0]}")


def _fail(message: str) -> None:
    console = Console(stderr=True)
    console.print(f"[bold red]tonnage:[/] {escape(message)}", highlight=False, soft_wrap=True)
    sys.exit(1)
