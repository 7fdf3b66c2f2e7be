"""What `api.client` raises: an error for each kind of refusal (RFC 9457), and for silence."""

from __future__ import annotations

from http import HTTPStatus

import httpx
import msgspec

from api.problems import MEDIA_TYPE, ProblemDetails


class AnalyticsError(Exception):
    """The API did not answer a question."""


class UnreachableError(AnalyticsError):
    """Nobody answers there, or not in time."""


class RefusedError(AnalyticsError):
    """The API refused a question.

    Attributes:
        problem: what it says about it.
        retry_after: seconds after which the same question may be answered, where it says so.
    """

    def __init__(self, text: str, problem: ProblemDetails, retry_after: float | None) -> None:
        super().__init__(text)
        self.problem = problem
        self.retry_after = retry_after


class UnauthorizedError(RefusedError):
    """The token is missing, not valid, or has ended."""


class NotFoundError(RefusedError):
    """There is no such thing, or not for this token."""


class InvalidParameterError(RefusedError):
    """A parameter is wrong; `problem.parameter` names it."""


class TooManyRequestsError(RefusedError):
    """Too many requests; `retry_after` says when again."""


class UnavailableError(RefusedError):
    """The read store does not answer now, or holds nothing yet."""


_KINDS = {
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidParameterError,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequestsError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
}


def refused(response: httpx.Response) -> RefusedError:
    """Make the error of a response that is no answer; its body has been read."""
    problem = _problem(response)
    kind = _KINDS.get(HTTPStatus(response.status_code), RefusedError)
    wait = response.headers.get("Retry-After", "")
    text = f"the API refused {response.request.url}: {problem.detail}"
    return kind(text, problem, float(wait) if wait.isdecimal() else None)


def _problem(response: httpx.Response) -> ProblemDetails:
    """Read the problem; a proxy before the API may have answered something else."""
    if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        return msgspec.json.decode(response.content, type=ProblemDetails)
    return ProblemDetails(
        "about:blank",
        response.reason_phrase,
        response.status_code,
        response.text.strip()[:200] or f"HTTP status {response.status_code}",
        response.request.url.path,
    )
