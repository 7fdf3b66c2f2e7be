"""The list of bad rows in a real read store: whose they are, as far as their events tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.errors import TonnageError
from infra.quarantine import Entry, listed, one, step_that_failed
from stream.settings import Settings, load_settings
from tests.integration.conftest import ReadStore

PERFORMED = "fit.public.workouts_performedexercise"
WORKOUT = "fit.public.workouts_workout"
EXERCISE = "fit.public.exercise"
TOO_LARGE = 2**63


@pytest.fixture
def settings(read_store: ReadStore, api_home: Path) -> Settings:
    return load_settings(home=api_home, read_store_dsn=read_store.dsn)


def put(read_store: ReadStore, topic: str, key: str, event: str | None, **values: object) -> None:
    given = {"partition": 1, "reason": "bad", **values}
    read_store.insert("quarantine", topic=topic, key=key, event=event, **given)


def after(**columns: object) -> str:
    return json.dumps({"op": "u", "after": columns})


def owners(settings: Settings) -> dict[str, tuple[int | None, int | None]]:
    """Return whose each entry is: its user and its workout."""
    return {each.key: (each.user_id, each.workout_id) for each in listed(settings)}


def test_whose_a_row_is(read_store: ReadStore, settings: Settings) -> None:
    read_store.insert("workouts", workout_id=7, user_id=3)
    put(read_store, PERFORMED, '{"id":1}', after(id=1, workout_id=7))
    put(read_store, PERFORMED, '{"id":2}', after(id=2, workout_id=8))
    put(read_store, WORKOUT, '{"id":9}', after(id=9, user_id=4))
    put(read_store, EXERCISE, '{"id":10}', after(id=10, owner_id=5))
    put(read_store, EXERCISE, '{"id":11}', after(id=11, owner_id=None))
    assert owners(settings) == {
        '{"id":1}': (3, 7),
        '{"id":2}': (None, 8),
        '{"id":9}': (4, 9),
        '{"id":10}': (5, None),
        '{"id":11}': (None, None),
    }
    assert [each.key for each in listed(settings, user=4)] == ['{"id":9}']


def test_columns_have_the_sources_names(read_store: ReadStore, api_home: Path) -> None:
    columns = {"performed.workout_id": "session", "performed.id": "nr"}
    settings = load_settings(home=api_home, read_store_dsn=read_store.dsn, columns=columns)
    put(read_store, PERFORMED, '{"nr":1}', after(nr=1, session=7))
    (entry,) = listed(settings)
    assert (entry.row_id, entry.workout_id) == (1, 7)


@pytest.mark.parametrize(
    "event",
    [
        None,
        "",
        "no JSON",
        "[]",
        '{"after": 3}',
        '{"after": null}',
        "[" * 100_000,
        after(id=1),
        after(id=1, workout_id="7"),
        after(id=1, workout_id=True),
        after(id=1, workout_id=TOO_LARGE),
    ],
)
@pytest.mark.parametrize("key", ["", "no JSON", "[1]", '{"id":"x"}', f'{{"id":{TOO_LARGE}}}'])
def test_whatever_an_event_holds_is_listed(
    read_store: ReadStore, settings: Settings, event: str | None, key: str
) -> None:
    put(read_store, PERFORMED, key, event)
    (entry,) = listed(settings)
    assert (entry.row_id, entry.workout_id, entry.user_id) == (None, None, None)
    assert one([entry], PERFORMED, key) == entry


def test_what_has_healed_is_not_listed(read_store: ReadStore, settings: Settings) -> None:
    put(read_store, PERFORMED, '{"id":1}', None, deleted=True)
    assert listed(settings) == []


def entry(topic: str, key: str, row_id: int | None) -> Entry:
    return Entry(topic, key, 0, 0, "bad", None, None, None, row_id)


@pytest.mark.parametrize(
    ("topic", "key"),
    [(PERFORMED, '{"id":1}'), (PERFORMED, "1"), ("workouts_performedexercise", "1")],
)
def test_a_row_is_named_by_topic_or_table_and_by_key_or_id(topic: str, key: str) -> None:
    meant = entry(PERFORMED, '{"id":1}', 1)
    others = [entry(PERFORMED, '{"id":11}', 11), entry(WORKOUT, '{"id":1}', 1)]
    assert one([*others, meant], topic, key) == meant


def test_a_name_that_means_nothing_or_two_things_is_refused() -> None:
    both = [entry(PERFORMED, '{"id":1}', 1), entry(PERFORMED, '{"id": 1}', 1)]
    with pytest.raises(TonnageError, match="give the key as it is listed"):
        one(both, PERFORMED, "1")
    with pytest.raises(TonnageError, match="is not on the list"):
        one(both, PERFORMED, "None")
    with pytest.raises(TonnageError, match="is not on the list"):
        one([entry(PERFORMED, "no JSON", None)], PERFORMED, "None")


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("assemble failed: KeyError(3)", "assemble"),
        ("reps_per_set holds ten failed: not a whole number", None),
        ("date 'x' is not a moment", None),
    ],
)
def test_the_step_that_failed(reason: str, step: str | None) -> None:
    assert step_that_failed(reason) == step
