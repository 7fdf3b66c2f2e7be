from __future__ import annotations

import threading

import pytest

from infra import caught_up
from infra.errors import TonnageError
from stream.settings import Settings, load_settings
from tests.integration.conftest import NOW, ReadStore
from tests.integration.primary.conftest import App


def test_it_returns_when_the_frontier_has_passed(settings: Settings, read_store: ReadStore) -> None:
    read_store.frontier("F/0", NOW)
    target = caught_up.wait(settings, timeout=0)
    assert caught_up.wait(settings, target, timeout=0) == target


def test_it_waits_for_the_frontier(settings: Settings, read_store: ReadStore) -> None:
    read_store.frontier("F/10", NOW)
    reached = threading.Thread(target=caught_up.wait, args=(settings, "F/20", 30))
    reached.start()
    read_store.frontier("F/20", NOW)
    reached.join(10)
    assert not reached.is_alive()


def test_it_says_how_far_behind_it_is(settings: Settings, read_store: ReadStore) -> None:
    read_store.frontier("F/10", NOW)
    with pytest.raises(TonnageError, match="at F/10, 240 bytes of WAL behind"):
        caught_up.wait(settings, "F/100", timeout=0)


def test_it_says_that_nothing_is_served(settings: Settings, read_store: ReadStore) -> None:
    read_store.execute("TRUNCATE tonnage.generation CASCADE")
    with pytest.raises(TonnageError, match="nothing is served yet"):
        caught_up.wait(settings, "F/100", timeout=0)


def test_a_generation_without_frontier_is_not_caught_up(
    settings: Settings, read_store: ReadStore
) -> None:
    read_store.execute("TRUNCATE tonnage.frontier")
    with pytest.raises(TonnageError, match="nothing is served yet"):
        caught_up.wait(settings, "0/0", timeout=0)


def test_an_incident_is_named(settings: Settings, read_store: ReadStore) -> None:
    read_store.frontier("F/10", NOW)
    read_store.execute("INSERT INTO tonnage.incident VALUES ('truncated', 'workouts_workout')")
    with pytest.raises(TonnageError, match="truncated: workouts_workout"):
        caught_up.wait(settings, "F/10", timeout=0)


def test_a_read_store_that_is_away_is_one_line(app: App, settings: Settings) -> None:
    away = load_settings(
        home=settings.home, source_dsn=app.dsn, read_store_dsn="postgresql://ann@127.0.0.1:1/app"
    )
    with pytest.raises(TonnageError, match="has caught up: connection failed") as error:
        caught_up.wait(away)
    assert "\n" not in str(error.value)
