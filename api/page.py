"""The dashboard: a page of static files, which asks the API as any other client does.

The browser is told to load nothing from elsewhere, to run no script but these files, and to
refuse HTML that is made of text.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGE = "/"
ASSETS = "/dashboard"

_FOLDER = Path(__file__).with_name("dashboard")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-cache",  # asked for again each time, so that no old script meets a new API
}


async def page(request: Request) -> Response:
    """Answer the page itself."""
    del request
    return FileResponse(_FOLDER / "index.html", headers=_HEADERS)


class _Assets(StaticFiles):
    """The page's scripts and styles."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


def assets() -> Mount:
    """Return where the page's scripts and styles are."""
    return Mount(ASSETS, _Assets(directory=_FOLDER))
