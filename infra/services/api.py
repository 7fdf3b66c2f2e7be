"""The HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from infra.services.part import LOOPBACK, TONNAGE, Part, answers


def api(host: str, port: int, environment: Mapping[str, str]) -> Part:
    """Describe the API's process."""
    reached = LOOPBACK if host in {"0.0.0.0", "::", "localhost"} else host  # noqa: S104
    url = f"http://{reached}:{port}"
    return Part(
        name="api",
        command=(TONNAGE, "api", "run"),
        address=url,
        metrics="tonnage-api",
        probe=partial(answers, f"{url}/healthz"),
        environment={**environment, "TONNAGE_API_PORT": str(port), "TONNAGE_API_URL": url},
    )
