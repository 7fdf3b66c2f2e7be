"""`tonnage api`: the read API, and tokens for it."""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import socket
from datetime import timedelta
from typing import Annotated

import typer
import uvicorn

from api.app import Application
from api.heads import LimitedHeads
from api.security import make_token
from infra.errors import TonnageError
from stream import logs
from stream.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="The read API, and tokens for it.")

_GRACE_SECONDS = 5
_OTHER_FILES = 512

log = logging.getLogger(__name__)


@app.command()
def run() -> None:
    """Serve the API until stopped. TONNAGE_API_HOST and TONNAGE_API_PORT say where."""
    settings = load_settings()
    _allow_sockets(settings)
    logs.set_up(settings)
    application = Application(settings)
    config = uvicorn.Config(
        application.asgi,
        loop="uvloop",
        http=LimitedHeads,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who asks is told by the token, never by a header
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with _listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        typer.echo(f"The API answers on http://{host}:{port}")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


@app.command()
def token(
    user: Annotated[
        int | None, typer.Option(min=1, help="Whose figures the token opens: the user's id.")
    ] = None,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Open every user's figures.")] = False,
    ttl: Annotated[int, typer.Option(min=1, help="How long it is valid, in seconds.")] = 86_400,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a token for the API, signed with TONNAGE_JWT_SECRET."""
    if user is None and not admin:
        raise typer.BadParameter("say for which user (--user N), or --admin")
    text = make_token(load_settings(), user, admin=admin, ttl=timedelta(seconds=ttl))
    typer.echo(json.dumps({"token": text, "expires_in": ttl}) if as_json else text)


def _allow_sockets(settings: Settings) -> None:
    """See that this process may have a socket for each client of `live`, and some more.

    Many systems allow 1024 by default, and more to whoever asks.
    """
    wanted = settings.live_max_clients + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning(
            "this process may open %d files: fewer than TONNAGE_LIVE_MAX_CLIENTS and %d need",
            allowed,
            _OTHER_FILES,
        )


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.api_host, settings.api_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise TonnageError(
            f"the API can't listen on {host}:{port}: {error.strerror}. Set TONNAGE_API_PORT to a"
            " free port, or 0 to pick one."
        ) from error
