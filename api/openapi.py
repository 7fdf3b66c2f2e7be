"""The OpenAPI 3.1 document, made from the same routes and shapes that answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from api.freshness import Meta
from api.live import LAST_EVENT_ID
from api.live import MEDIA_TYPE as EVENTS
from api.parameters import MIN_LSN, WEEK_PATTERN, Parameter
from api.problems import MEDIA_TYPE, ProblemDetails
from api.routes import LIVE, Route
from api.schemas import reference, schemas_of

_IN_PATH = {
    "user_id": ("The user's id, or `me` for the token's own user", {"type": "string"}),
    "exercise_id": ("The exercise's id", {"type": "string"}),
    "week": ("An ISO week: 2026-W47", {"type": "string", "pattern": WEEK_PATTERN}),
}
_PROBLEMS = {
    "401": "No valid bearer token",
    "404": "Not there, or not for this token",
    "422": "A parameter is wrong",
    "429": "Too many requests: Retry-After says when again",
    "500": "The request failed",
    "503": "The read store does not answer now",
}
_OPERATIONS = {
    "/healthz": "Whether the API is alive",
    "/readyz": "Whether the API would answer right: 503 with the reason while it would not",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document of these routes and of the operational paths."""
    routes = tuple(routes)
    shapes: list[type[msgspec.Struct]] = [
        Meta,
        ProblemDetails,
        *dict.fromkeys(route.shape for route in routes),
    ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tonnage",
            "version": version("tonnage"),
            "description": "Training analytics, live from a workout app's own database.",
        },
        "security": [{"bearer": []}],
        "paths": {route.path: {"get": _operation(route)} for route in routes}
        | {LIVE: {"get": _LIVE_OPERATION}}
        | {path: {"get": _operational(summary)} for path, summary in _OPERATIONS.items()},
        "components": {
            "schemas": schemas_of(shapes),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "responses": {status: _problem(text) for status, text in _PROBLEMS.items()},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", route.path)
    answer = {
        "allOf": [
            reference(route.shape),
            {
                "type": "object",
                "properties": {"meta": reference(Meta)},
                "required": ["meta"],
            },
        ]
    }
    return {
        "operationId": re.sub(r"\W+", "_", route.path).strip("_"),
        "summary": route.summary,
        "parameters": [_path_parameter(name) for name in in_path]
        + [_query_parameter(each) for each in (*route.parameters, MIN_LSN)],
        "responses": {
            "200": {
                "description": route.summary,
                "headers": _HEADERS,
                "content": {"application/json": {"schema": answer}},
            },
            "304": {"description": "The client's copy (If-None-Match) is still right"},
        }
        | {status: {"$ref": f"#/components/responses/{status}"} for status in _PROBLEMS},
    }


def _operational(summary: str) -> dict[str, Any]:
    return {
        "operationId": summary.partition(":")[0].replace(" ", "_").lower(),
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": "Yes"},
            "503": {"$ref": "#/components/responses/503"},
        },
    }


_HEADERS = {
    name: {"description": text, "schema": {"type": "string"}}
    for name, text in {
        "ETag": "Weak: of the data, not of `meta`",
        "Tonnage-As-Of": "Time up to which the answer is complete",
        "Tonnage-Lsn": "Position of the source's log up to which the answer is complete",
        "Tonnage-Lag-Seconds": "Age of that time",
        "Tonnage-Stale": "`true` where the answer can't be trusted to be current",
    }.items()
}


def _path_parameter(name: str) -> dict[str, Any]:
    description, schema = _IN_PATH[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
    }


def _query_parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": reference(ProblemDetails)}}}


_LIVE_OPERATION = {
    "operationId": "live",
    "summary": "Changed weeks, as they change: server-sent events",
    "parameters": [
        _path_parameter("user_id"),
        {
            "name": LAST_EVENT_ID,
            "in": "header",
            "description": "The id of the last event that the client has",
            "schema": {"type": "string"},
        },
    ],
    "responses": {
        "200": {
            "description": "Events `ready`, `week`, `gone`, `reset`, until the client goes",
            "content": {EVENTS: {"schema": {"type": "string"}}},
        }
    }
    | {
        status: {"$ref": f"#/components/responses/{status}"}
        for status in _PROBLEMS
        if status != "422"
    },
}
