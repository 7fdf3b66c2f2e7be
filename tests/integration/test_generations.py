"""Which generations stay when another one serves."""

from __future__ import annotations

import psycopg

from stream.generations import State, begin, generations, serve
from stream.settings import Settings
from tests.integration.conftest import prepare_read_store


def test_what_served_is_kept_while_its_capture_goes_on(empty: Settings) -> None:
    prepare_read_store(empty)
    with psycopg.connect(empty.need("read_store_dsn"), autocommit=True) as connection:
        first = generations(connection)[0].capture

        def states() -> list[State]:
            return [each.state for each in generations(connection)]

        for _ in range(2):
            serve(connection, begin(connection, empty, first))
        assert states() == [State.KEPT, State.KEPT, State.SERVING]
        serve(connection, begin(connection, empty, None))
        assert states() == [State.DROPPING, State.DROPPING, State.DROPPING, State.SERVING]
