"""Kafka Connect's REST API, as much of it as one connector needs."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connectors.errors import ConnectorError
from stream.brokers import trusting
from stream.settings import Settings

_REBALANCE_SECONDS = 60
_ANSWER_SECONDS = 95
"""Connect itself gives up after 90 seconds, and then says why."""


class Connect:
    """One connector in a Connect cluster. Every method raises ConnectorError.

    Args:
        url: of its REST interface; it holds no login.
        name: the connector's.
        more: arguments of the HTTP client: whom to trust, who logs in.
    """

    def __init__(self, url: str, name: str, **more: Any) -> None:
        self._url = url
        self._name = name
        self._path = f"/connectors/{quote(name, safe='')}"
        self._more = more

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take what the settings say. Raises SettingsError."""
        more: dict[str, Any] = {}
        if settings.connect_ca is not None:
            more["verify"] = trusting(settings.connect_ca, "connect_ca")
        if settings.connect_user is not None:
            more["auth"] = (settings.connect_user, settings.need("connect_password"))
        return cls(settings.need("connect_url"), settings.connector_name, **more)

    def config(self) -> dict[str, str] | None:
        """Return the configuration that Connect holds; None when it has no such connector."""
        found: dict[str, str] | None = self._request("GET", f"{self._path}/config")
        return found

    def put_config(self, config: Mapping[str, str]) -> None:
        """Create the connector, or give it this configuration."""
        self._request("PUT", f"{self._path}/config", config)

    def validate(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        """Have the connector look at a configuration; return what is wrong, by option."""
        plugin = config["connector.class"].rsplit(".", 1)[-1]
        named = {**config, "name": self._name}
        answer = self._request("PUT", f"/connector-plugins/{plugin}/config/validate", named)
        if answer is None:
            raise ConnectorError(
                f"Kafka Connect at {self._url} has no plugin {plugin}:"
                " put Debezium's PostgreSQL connector into its plugin.path"
            )
        values = (each["value"] for each in answer["configs"] if each["value"])
        return {value["name"]: value["errors"] for value in values if value["errors"]}

    def status(self) -> dict[str, Any] | None:
        """Return the state of the connector and its tasks; None when there is no such connector."""
        found: dict[str, Any] | None = self._request("GET", f"{self._path}/status")
        return found

    def pause(self) -> None:
        """Stop taking changes; the slot stays."""
        self._command("PUT", "pause")

    def resume(self) -> None:
        """Go on after `pause`."""
        self._command("PUT", "resume")

    def restart(self, *, only_failed: bool = False) -> None:
        """Start the connector and its tasks again."""
        failed = str(only_failed).lower()
        self._command("POST", f"restart?includeTasks=true&onlyFailed={failed}")

    def delete(self) -> None:
        """Delete the connector, if there is one; the slot stays."""
        self._request("DELETE", self._path)

    def _command(self, method: str, what: str) -> None:
        if self.config() is None:
            raise ConnectorError(
                f"Kafka Connect at {self._url} has no connector {self._name!r}:"
                " make it with `tonnage connector apply`"
            )
        self._request(method, f"{self._path}/{what}")

    def _request(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """Send a request, again while Connect rebalances (409); None stands for 404."""
        conflicts = Retrying(
            retry=retry_if_result(lambda answer: answer.status_code == HTTPStatus.CONFLICT),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(_REBALANCE_SECONDS),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        try:
            with httpx.Client(base_url=self._url, timeout=_ANSWER_SECONDS, **self._more) as http:
                answer: httpx.Response = conflicts(http.request, method, path, json=body)
        except httpx.HTTPError as error:
            hint = "Is it running? `tonnage up` starts a local one."
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                hint = "TONNAGE_CONNECT_CA says whose certificates are trusted."
            raise ConnectorError(
                f"Kafka Connect does not answer at {self._url} (TONNAGE_CONNECT_URL):"
                f" {error}. {hint}"
            ) from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ConnectorError(
                f"Kafka Connect at {self._url} refuses the login (TONNAGE_CONNECT_USER,"
                f" TONNAGE_CONNECT_PASSWORD): HTTP {answer.status_code}"
            )
        if answer.is_error:
            raise ConnectorError(f"Kafka Connect at {self._url} refuses: {_message(answer)}")
        return answer.json() if answer.content else {}


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code} {answer.text[:200]}"
