"""What a state holds of a deleted row, and when a topic has forgotten it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from infra.erasure.dates import gone_by
from infra.erasure.state import holds_values, users_of_workout
from stream.domain.workouts import Origin, Place, WorkoutRow
from stream.engine.state import pack
from stream.steps.assemble import GatedPerformed, GatedWorkout, WorkoutState
from stream.steps.keys import week_key
from stream.steps.route_state import HeldEvent, PerformedState, encode_state
from stream.steps.week_state import empty_week, encode_week

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DAY_MS = 24 * 60 * 60 * 1000
ORIGIN = Origin(1, 2)
GONE = WorkoutState(
    9, ORIGIN, GatedWorkout(5, None), {7: GatedPerformed(6, None)}, [Place(4, 2026, 45)]
)


def stored(state: WorkoutState) -> bytes:
    return pack(state.version, msgspec.msgpack.encode(state))


def test_a_deleted_workout_leaves_its_places_and_no_values() -> None:
    assert not holds_values("assemble", b"1", stored(GONE))
    assert users_of_workout(stored(GONE)) == {4}


def test_a_workout_without_a_name_is_a_value_all_the_same() -> None:
    unnamed = GatedWorkout(5, WorkoutRow(4, 0, None))
    assert holds_values("assemble", b"1", stored(msgspec.structs.replace(GONE, workout=unnamed)))


def test_a_bad_row_whose_event_is_held_is_found() -> None:
    gone = PerformedState(5, ORIGIN, None, (1,), None, quarantined=True)
    assert not holds_values("route", b"p7", pack(5, encode_state(gone)))
    bad = msgspec.structs.replace(gone, reason="bad", event=HeldEvent(b"{}", 0))
    assert holds_values("route", b"p7", pack(5, encode_state(bad)))


def test_an_emptied_week_holds_nothing() -> None:
    key = week_key(Place(4, 2026, 45))
    assert not holds_values("aggregate", key, pack(5, encode_week(empty_week())))


@pytest.mark.parametrize(
    ("policy", "lag_ms", "retention_ms", "told"),
    [
        ("compact", 7 * DAY_MS, 7 * DAY_MS, "older values by 2026-12-02, keys by 2027-01-08"),
        ("compact", 2**63 - 1, 7 * DAY_MS, "no date: max.compaction.lag.ms is not set"),
        (
            *("compact,delete", 7 * DAY_MS, 30 * DAY_MS),
            "older values by 2026-12-02, keys by 2026-12-25",
        ),
        ("delete", 2**63 - 1, -1, "when it is processed"),
    ],
)  # fmt: skip
def test_dates_are_those_of_the_topics_settings(
    policy: str, lag_ms: int, retention_ms: int, told: str
) -> None:
    configs = {
        "cleanup.policy": policy,
        "max.compaction.lag.ms": str(lag_ms),
        "retention.ms": str(retention_ms),
        "delete.retention.ms": str(30 * DAY_MS),
    }
    assert gone_by(configs, NOW) == told
