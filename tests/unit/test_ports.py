from __future__ import annotations

import socket

import pytest

from infra.errors import TonnageError
from infra.ports import choose, is_free


def test_a_wanted_port_is_taken_as_it_is() -> None:
    port = choose("kafka", "TONNAGE_KAFKA_PORT", 0, None)
    assert choose("kafka", "TONNAGE_KAFKA_PORT", port, None) == port


def test_a_wanted_port_that_is_taken_is_an_error_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TonnageError, match=rf"kafka .*{port}.*TONNAGE_KAFKA_PORT"):
            choose("kafka", "TONNAGE_KAFKA_PORT", port, None)


def test_the_port_of_last_time_is_kept_while_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert choose("kafka", None, 0, port) != port
    assert choose("kafka", None, 0, port) == port


def test_a_chosen_port_is_free() -> None:
    assert is_free(choose("kafka", None, 0, None))
