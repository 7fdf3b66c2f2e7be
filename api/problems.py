"""Errors as clients see them: RFC 9457 problem details, `application/problem+json`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from psycopg import OperationalError
from psycopg.errors import InvalidSchemaName, UndefinedTable
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error. `type` is "about:blank": the status says what kind it is, `detail` the rest.

    `parameter` names the parameter that is wrong.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    parameter: str | None = None


class ProblemError(Exception):
    """A foreseen refusal; its detail goes to the client as it is."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameter = parameter
        self.headers = dict(headers or {})


def invalid(parameter: str, detail: str) -> ProblemError:
    """Make the refusal of a parameter."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, parameter=parameter)


def unavailable(detail: str) -> ProblemError:
    """Make the refusal of a request that may succeed in a moment."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"})


def problem_response(request: Request, problem: ProblemError) -> Response:
    """Write a problem down."""
    details = ProblemDetails(
        type="about:blank",
        title=problem.status.phrase,
        status=problem.status.value,
        detail=problem.detail,
        instance=request.url.path,
        parameter=problem.parameter,
    )
    return Response(
        msgspec.json.encode(details),
        problem.status.value,
        {"Cache-Control": "no-store", **problem.headers},
        MEDIA_TYPE,
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a foreseen refusal."""
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class alone
    return problem_response(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: a path that is not there, a method that is not served."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: f"nothing is at {request.url.path}; /openapi.json lists what is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not served here; use GET",
    }.get(status, error.detail)
    return problem_response(request, ProblemError(status, detail, headers=error.headers))


async def on_read_store_down(request: Request, error: Exception) -> Response:
    """Answer while the read store does not."""
    log.warning("the read store does not answer: %s", _first_line(error))
    return problem_response(
        request, unavailable("the read store does not answer now; try again in a moment")
    )


async def on_read_store_empty(request: Request, error: Exception) -> Response:
    """Answer before the first generation is served."""
    log.warning("the read store has no tables yet: %s", _first_line(error))
    return problem_response(
        request, unavailable("the read store holds nothing yet: no worker has prepared it")
    )


async def on_error(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw; the server logs it with its traceback."""
    del error
    return problem_response(
        request,
        ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; the server's log says why"
        ),
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


HANDLERS = {
    ProblemError: on_problem,
    HTTPException: on_http_error,
    OperationalError: on_read_store_down,
    UndefinedTable: on_read_store_empty,
    InvalidSchemaName: on_read_store_empty,
    Exception: on_error,
}
