"""Kafka Connect's REST API: who is let in, and where it does not do what is asked."""

from __future__ import annotations

import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import trustme

from connectors.connect import Connect
from connectors.errors import ConnectorError
from stream.settings import SettingsError, load_settings


def connect(*answers: httpx.Response) -> Connect:
    """A connector in a Connect that gives these answers."""
    queue = list(answers)
    transport = httpx.MockTransport(lambda _: queue.pop(0))
    return Connect("http://connect.test", "gym", transport=transport)


def test_a_missing_connector_has_no_config() -> None:
    assert connect(httpx.Response(404, json={"message": "no"})).config() is None


def test_a_rebalance_is_waited_out() -> None:
    rebalancing = httpx.Response(409, json={"message": "rebalance"})
    assert connect(rebalancing, httpx.Response(200, json={"a": "b"})).config() == {"a": "b"}


def test_a_refusal_is_told() -> None:
    refused = httpx.Response(400, json={"message": "bad option"})
    with pytest.raises(ConnectorError, match=r"http://connect\.test refuses: bad option"):
        connect(refused).put_config({"a": "b"})


def test_an_answer_that_is_no_json_is_told() -> None:
    with pytest.raises(ConnectorError, match="HTTP 502 <html>"):
        connect(httpx.Response(502, text="<html>")).config()


def test_a_missing_plugin_is_told() -> None:
    absent = connect(httpx.Response(404, json={"message": "no"}))
    with pytest.raises(ConnectorError, match=r"no plugin Thing: .*plugin\.path"):
        absent.validate({"connector.class": "a.b.Thing"})


def test_pausing_what_is_not_there_says_how_to_make_it() -> None:
    with pytest.raises(ConnectorError, match="tonnage connector apply"):
        connect(httpx.Response(404, json={"message": "no"})).pause()


def test_no_connect_says_which_variable_to_look_at() -> None:
    with pytest.raises(ConnectorError, match=r"TONNAGE_CONNECT_URL.*tonnage up"):
        Connect("http://127.0.0.1:1", "gym").config()


class Guarded(BaseHTTPRequestHandler):
    """Answers who knows the password, as a Connect without connectors does."""

    def do_GET(self) -> None:
        login = b64encode(b"tonnage:l3t-me-in").decode()
        known = self.headers["Authorization"] == f"Basic {login}"
        self.send_response(HTTPStatus.NOT_FOUND if known else HTTPStatus.UNAUTHORIZED)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Tell nobody."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Settings with which a server behind https and basic authentication is asked."""
    ca = tmp_path_factory.mktemp("guarded") / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {
            "home": ca.parent,
            "connect_url": f"https://127.0.0.1:{server.server_port}",
            "connect_ca": ca,
            "connect_user": "tonnage",
            "connect_password": "l3t-me-in",
        }
        server.shutdown()
        thread.join()


def test_who_logs_in_by_https_is_answered(guarded: dict[str, Any]) -> None:
    assert Connect.of(load_settings(**guarded)).config() is None


@pytest.mark.parametrize(
    "wrong",
    [{"connect_password": "forgotten"}, {"connect_user": None, "connect_password": None}],
)
def test_a_login_that_is_refused_names_its_settings(
    guarded: dict[str, Any], wrong: dict[str, Any]
) -> None:
    with pytest.raises(ConnectorError, match=r"TONNAGE_CONNECT_USER.*HTTP 401") as caught:
        Connect.of(load_settings(**guarded | wrong)).config()
    assert "forgotten" not in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_names_its_setting(guarded: dict[str, Any]) -> None:
    with pytest.raises(ConnectorError, match=r"certificate verify failed.*TONNAGE_CONNECT_CA"):
        Connect.of(load_settings(**guarded | {"connect_ca": None})).config()


def test_a_user_without_a_password_is_told(guarded: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="TONNAGE_CONNECT_PASSWORD is not set"):
        Connect.of(load_settings(**guarded | {"connect_password": None}))


def test_an_address_with_a_login_is_refused_without_saying_it() -> None:
    with pytest.raises(SettingsError, match="TONNAGE_CONNECT_USER") as caught:
        load_settings(connect_url="https://tonnage:l3t-me-in@connect.test")
    assert "l3t-me-in" not in str(caught.value)
