"""The capture on the real parts: an app's tables under other names, through Debezium, into Kafka.

The connector of these tests is a second one beside the stack's own, with its own slot,
publication, role and topics, so that what they break is theirs alone.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from connectors import capture, registration, snapshot
from connectors.configuration import render
from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.retirement import retire
from connectors.scanning import Scan, scanned
from connectors.state import MISSING, PAUSED, RUNNING
from infra.services.postgres import binary
from stream.cdc.lsn import parse_lsn
from stream.settings import Settings
from tests.conftest import tonnage
from tests.integration.capturing import Primary, remove, variant

pytestmark = pytest.mark.stack

OpenTopic = Callable[[str], "Topic"]
Event = dict[str, Any] | None


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    polled = retry(
        retry=retry_if_result(lambda met: not met),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(seconds),
        retry_error_callback=lambda _: False,
    )
    return bool(polled(condition)())


class Topic:
    """Reads a topic from its start; what is not committed is not seen."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        places = [TopicPartition(name, n) for n in self._consumer.partitions_for_topic(name)]
        self._consumer.assign(places)
        self._consumer.seek_to_beginning()
        self._seen: dict[bytes, list[Event]] = {}

    def of(self, key: object, count: int, seconds: float = 60) -> list[Event]:
        """Return the values of a key, once there are `count`."""
        text = json.dumps(key, separators=(",", ":")).encode()

        def enough() -> bool:
            for records in self._consumer.poll(timeout_ms=100).values():
                for record in records:
                    value = None if record.value is None else json.loads(record.value)
                    self._seen.setdefault(record.key, []).append(value)
            return len(self._seen.get(text, ())) >= count

        assert eventually(enough, seconds), f"{key}: {self._seen.get(text)}"
        return self._seen[text]

    def latest(self, key: object) -> Event:
        return self.of(key, 1)[-1]

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def topic(stack: Settings) -> Iterator[OpenTopic]:
    """Opens topics by their names, and closes them."""
    with ExitStack() as opened:
        yield lambda name: opened.enter_context(closing(Topic(stack, name)))


def operations(events: list[Event]) -> list[str | None]:
    return [None if event is None else event["op"] for event in events]


def test_rows_that_are_there_arrive_with_the_used_columns(
    captured: Settings, topic: OpenTopic
) -> None:
    (event,) = topic(captured.topic("exercise")).of({"id": 1}, 1)
    assert event is not None
    assert event["op"] == "r"
    assert event["after"] == {
        "id": 1, "name": "Squat", "muscle_group": "legs", "owner_id": None, "is_custom": False
    }  # fmt: skip


def test_every_change_of_a_row_arrives_under_its_key(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute(
        "INSERT INTO gym.sessions VALUES (1, 7, '2020-12-31T23:30:00+01', 'Leg day', 9)"
    )
    primary.execute("UPDATE gym.sessions SET athlete = 8 WHERE id = 1")
    primary.execute("DELETE FROM gym.sessions WHERE id = 1")
    events = topic(captured.topic("sessions")).of({"id": 1}, 4)
    assert operations(events) == ["c", "u", "d", None]
    created, updated, *_ = events
    assert created is not None
    assert updated is not None
    assert created["after"] == {
        "id": 1, "athlete": 7, "date": "2020-12-31T22:30:00.000000Z", "name": "Leg day"
    }  # fmt: skip
    assert updated["after"]["athlete"] == 8
    assert updated["source"]["lsn"] > created["source"]["lsn"]


def test_a_new_primary_key_is_a_delete_and_a_create(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute("INSERT INTO gym.sessions VALUES (2, 7, now(), 'Push', 0)")
    primary.execute("UPDATE gym.sessions SET id = 3 WHERE id = 2")
    sessions = topic(captured.topic("sessions"))
    assert operations(sessions.of({"id": 2}, 3)) == ["c", "d", None]
    assert operations(sessions.of({"id": 3}, 1)) == ["c"]


def test_lists_arrive_as_the_text_that_postgresql_keeps(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute("INSERT INTO gym.performed VALUES (1, 3, 1, 2, '[10,8]', '[100, 92.50]')")
    event = topic(captured.topic("performed")).latest({"id": 1})
    assert event is not None
    assert event["after"] == {
        "id": 1, "workout_id": 3, "exercise_id": 1,
        "reps_per_set": "[10, 8]", "weights_per_set": "[100, 92.50]",
    }  # fmt: skip


def test_a_truncated_table_leaves_the_connector_running(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute("TRUNCATE gym.performed")
    primary.execute("INSERT INTO gym.performed VALUES (2, 3, 1, 1, '[5]', NULL)")
    topic(captured.topic("performed")).of({"id": 2}, 1)
    assert registration.status(captured).connector.all_are(RUNNING)


def test_the_heartbeat_moves_the_position_while_other_tables_are_busy(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute("INSERT INTO gym.unrelated SELECT generate_series(1, 1000)")
    (here,) = primary.execute("SELECT pg_current_wal_lsn()::text").fetchone() or ("0/0",)
    offsets = topic(captured.connect_offsets_topic)
    key = [captured.connector_name, {"server": captured.topic_prefix}]

    def passed() -> bool:
        count = len(offsets.of(key, 1))
        newest = offsets.of(key, count + 1)[-1]
        return newest is not None and newest.get("lsn_commit", 0) >= parse_lsn(here)

    assert eventually(passed, 20)


def test_the_slot_lets_go_of_what_was_taken(captured: Settings, primary: Primary) -> None:
    (here,) = primary.execute("SELECT pg_current_wal_lsn()::text").fetchone() or ("0/0",)

    def confirmed() -> bool:
        slot = registration.status(captured).slot
        return slot is not None and parse_lsn(slot.confirmed_flush_lsn or "0/0") >= parse_lsn(here)

    assert eventually(confirmed, 60)


@pytest.mark.usefixtures("captured")
def test_the_heartbeat_is_written_no_oftener_than_set(primary: Primary) -> None:
    # The stack's own connector writes the same row: two writers, one pace.
    beats: list[datetime] = []

    def four() -> bool:
        found = primary.execute("SELECT beat_at FROM tonnage.heartbeat").fetchall()
        beats.extend(beat for (beat,) in found if beat not in beats)
        return len(beats) == 4

    assert eventually(four, 20)
    gaps = [(after - before).total_seconds() for before, after in pairwise(beats)]
    assert min(gaps) >= 1


def test_the_role_has_the_least_that_suffices(captured: Settings, primary: Primary) -> None:
    role = captured.capture_user
    attributes = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
    found = primary.execute(f"{attributes} FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    assert found == (False, False, False, False, True)
    grants = """
        SELECT table_schema || '.' || table_name || ' ' || privilege_type
        FROM information_schema.table_privileges WHERE grantee = %s ORDER BY 1"""
    assert [row[0] for row in primary.execute(grants, [role])] == [
        "gym.exercise SELECT",
        "gym.performed SELECT",
        "gym.sessions SELECT",
        "tonnage.heartbeat SELECT",
        "tonnage.heartbeat UPDATE",
    ]


def test_applying_again_changes_nothing(captured: Settings) -> None:
    before = registration.status(captured)
    capture.prepare(captured)
    assert registration.apply(captured) is False
    after = registration.status(captured)
    assert before.slot is not None
    assert after.slot is not None
    assert after.slot.active_pid == before.slot.active_pid
    assert after.problems == ()


def test_a_changed_setting_is_applied(captured: Settings) -> None:
    slower = variant(captured, heartbeat_interval_ms=2000)
    assert registration.apply(slower) is True
    registration.wait_running(slower)
    assert registration.apply(captured) is True
    registration.wait_running(captured)


def test_a_paused_connector_goes_on_where_it_stopped(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    registration.pause(captured)
    state = registration.status(captured)
    assert state.connector.all_are(PAUSED)
    assert state.problems == ()
    primary.execute("INSERT INTO gym.sessions VALUES (4, 7, now(), 'Meanwhile', 0)")
    registration.resume(captured)
    events = topic(captured.topic("sessions")).of({"id": 4}, 1)
    assert operations(events) == ["c"]


def test_a_restarted_connector_repeats_nothing(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute("INSERT INTO gym.sessions VALUES (5, 7, now(), 'Before', 0)")
    sessions = topic(captured.topic("sessions"))
    sessions.of({"id": 5}, 1)
    registration.restart(captured)
    primary.execute("UPDATE gym.sessions SET name = 'After' WHERE id = 5")
    assert operations(sessions.of({"id": 5}, 2)) == ["c", "u"]


def test_a_table_taken_out_of_the_publication_is_named_and_put_back(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    publication = sql.Identifier(captured.publication)
    shrink = sql.SQL("ALTER PUBLICATION {} DROP TABLE gym.exercise")
    primary.execute(shrink.format(publication))
    (problem,) = registration.status(captured).problems
    assert "lacks gym.exercise" in problem
    capture.prepare(captured)
    primary.execute("INSERT INTO gym.exercise VALUES (2, 'Row', 'back', NULL, false)")
    assert topic(captured.topic("exercise")).latest({"id": 2}) is not None
    assert registration.status(captured).problems == ()


def test_a_missing_publication_is_told_and_made_by_apply(other: Settings, primary: Primary) -> None:
    primary.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(other.publication)))
    registration.apply(other)
    with pytest.raises(ConnectorError, match=r"publication .* is missing.*connector apply"):
        registration.wait_running(other)
    capture.prepare(other)
    registration.apply(other)
    registration.wait_running(other)


def test_a_slot_in_use_is_refused(captured: Settings, other: Settings) -> None:
    taken = variant(other, slot_name=captured.slot_name)
    with pytest.raises(ConnectorError, match=r"slot .* is in use.*TONNAGE_SLOT_NAME"):
        registration.apply(taken)
    assert registration.status(taken).connector.state == MISSING


def test_a_wrong_password_is_told_and_not_shown(other: Settings) -> None:
    wrong = variant(other, capture_password=SecretStr("wrong-pw"))
    with pytest.raises(ConnectorError, match="refuses the role") as caught:
        registration.apply(wrong)
    assert "wrong-pw" not in str(caught.value)


def test_a_table_or_column_that_lacks_is_named_with_its_setting(gym: Settings) -> None:
    wrong = variant(gym, exercise_table="lift", columns={"workout.date": "day"})
    with pytest.raises(ConnectorError) as caught:
        capture.prepare(wrong)
    assert "no table gym.lift (name it with TONNAGE_EXERCISE_TABLE)" in str(caught.value)
    assert "no column gym.sessions.day (name it with TONNAGE_COLUMNS)" in str(caught.value)


def test_a_primary_without_logical_wal_is_refused(gym: Settings) -> None:
    without = variant(gym, source_dsn=gym.read_store_dsn)
    with pytest.raises(ConnectorError, match="wal_level is 'minimal'"):
        capture.prepare(without)


def test_a_primary_that_refuses_is_told_without_its_password(gym: Settings) -> None:
    dsn = gym.need("source_dsn").replace("postgres:", "nobody:")
    with pytest.raises(ConnectorError, match=r"TONNAGE_SOURCE_DSN.*nobody") as caught:
        capture.prepare(variant(gym, source_dsn=SecretStr(dsn)))
    password = psycopg.conninfo.conninfo_to_dict(dsn)["password"]
    assert str(password) not in str(caught.value)


def test_the_printed_sql_does_what_prepare_does(other: Settings, primary: Primary) -> None:
    remove(other, primary)
    script = capture.as_sql(other)
    environment = os.environ | {"TONNAGE_CAPTURE_PASSWORD": other.need("capture_password")}
    command = [str(binary("psql")), "-Xq", "-v", "ON_ERROR_STOP=1", other.need("source_dsn")]
    for _ in range(2):
        done = subprocess.run(
            command, input=script, env=environment, text=True, check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr
    registration.apply(other)
    registration.wait_running(other)


def test_the_command_shows_the_state_and_no_password(stack: Settings) -> None:
    done = tonnage(stack.home, "connector", "status", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["connector"]["state"] == RUNNING
    assert shown["slot"]["wal_status"] == "reserved"
    assert shown["problems"] == []
    assert stack.need("capture_password") not in done.stdout + done.stderr


def test_the_command_ends_with_1_where_something_is_wrong(stack: Settings) -> None:
    done = tonnage(stack.home, "connector", "status", TONNAGE_SLOT_NAME="nowhere")
    assert done.returncode == 1
    assert "there is no replication slot" in done.stdout


def test_a_prepared_primary_needs_the_captures_own_role_alone(stack: Settings) -> None:
    owner = make_conninfo(stack.need("source_dsn"))
    password = stack.need("capture_password")
    dsn = make_conninfo(owner, user=stack.capture_user, password=password)
    for command, code in ((("apply",), 1), (("apply", "--prepared"), 0), (("status",), 0)):
        done = tonnage(stack.home, "connector", *command, TONNAGE_SOURCE_DSN=dsn)
        assert done.returncode == code, done.stderr
        assert password not in done.stdout + done.stderr


def test_a_snapshot_emits_every_row_again(
    captured: Settings, primary: Primary, topic: OpenTopic
) -> None:
    primary.execute("INSERT INTO gym.sessions VALUES (6, 7, now(), 'Again', 0)")
    sessions = topic(captured.topic("sessions"))
    sessions.of({"id": 6}, 1)
    seen: list[str] = []
    rows = snapshot.take(captured, 60, seen.append)
    tables = ("gym.exercise", "gym.sessions", "gym.performed")
    counted = [primary.execute(f"SELECT count(*) FROM {each}".encode()) for each in tables]
    assert rows == dict(zip(tables, [row[0] for (row,) in counted], strict=True))
    assert set(seen) <= {*tables, ""}
    events = sessions.of({"id": 6}, 2)
    assert operations(events) == ["c", "r"]
    assert all(event is not None and event["after"]["name"] == "Again" for event in events)


def test_how_far_the_first_snapshot_is_can_be_followed(other: Settings, primary: Primary) -> None:
    primary.execute("ANALYZE gym.exercise, gym.sessions, gym.performed")
    registration.apply(other)
    scans: list[Scan] = []
    with scanned(other) as scanning:

        def over() -> bool:
            scans.extend(scanning.look())
            return scanning.over

        assert eventually(over)
    tables = ("gym.exercise", "gym.sessions", "gym.performed")
    counted = [primary.execute(f"SELECT count(*) FROM {each}".encode()) for each in tables]
    rows = [row[0] for (row,) in counted]
    begun = [next(scan for scan in scans if scan.number == number) for number in (1, 2, 3)]
    assert [(scan.table, scan.tables) for scan in begun] == [(table, 3) for table in tables]
    assert {scan.total for scan in scans} == {sum(rows)}
    assert all(scan.rows >= sum(rows[: scan.number - 1]) for scan in scans)


def test_a_snapshot_needs_a_connector_that_runs(other: Settings) -> None:
    with pytest.raises(ConnectorError, match=r"does not run.*connector status"):
        snapshot.take(other, 60, print)


def test_a_connector_of_before_signals_is_told_to_be_applied_again(captured: Settings) -> None:
    connect = Connect(captured.need("connect_url"), captured.connector_name)
    deaf = {key: value for key, value in render(captured).items() if "signal" not in key}
    connect.put_config(deaf)
    registration.wait_running(captured)
    with pytest.raises(ConnectorError, match=r"does not listen.*connector apply"):
        snapshot.take(captured, 60, print)
    registration.apply(captured)
    registration.wait_running(captured)


def test_a_snapshot_is_asked_about_and_says_what_it_does_not_show(stack: Settings) -> None:
    done = tonnage(stack.home, "connector", "snapshot")
    assert done.returncode == 1
    assert "tonnage stream reset --from-source" in done.stderr
    assert "emitted again" not in done.stdout


def test_a_slot_that_is_not_let_go_of_is_taken_back(other: Settings, primary: Primary) -> None:
    primary.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [other.slot_name])
    asked = ("proto_version=1", f"publication_names={other.publication}")
    command = (
        *(str(binary("pg_recvlogical")), "--start", "--no-loop", "--file=-"),
        *(f"--slot={other.slot_name}", f"--dbname={other.need('source_dsn')}"),
        *(f"--option={each}" for each in asked),
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as reader:
        active = "SELECT active FROM pg_replication_slots WHERE slot_name = %s"
        assert eventually(lambda: primary.execute(active, [other.slot_name]).fetchone() == (True,))
        assert f"slot {other.slot_name}" in retire(other)
        assert reader.wait(30) != 0
    assert primary.execute(active, [other.slot_name]).fetchone() is None
