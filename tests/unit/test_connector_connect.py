"""Kafka Connect's REST API where it does not do what is asked."""

from __future__ import annotations

import httpx
import pytest

from connectors.connect import Connect
from connectors.errors import ConnectorError


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
