"""`tonnage stream`: workers and their state."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.settings import load_settings
from stream.worker import run_worker

app = typer.Typer(no_args_is_help=True, help="Workers: run them, look at them, rebuild.")


@app.command()
def run(
    port: Annotated[
        int,
        typer.Option(envvar="TONNAGE_WORKER_PORT", help="Port of /health; 0: none is asked for"),
    ] = 0,
) -> None:
    """Run a worker; as many as there are partitions may run.

    Example: tonnage stream run --port 6066
    """
    run_worker(load_settings(), port)
