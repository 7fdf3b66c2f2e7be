"""The capture of a running stack is broken, which is found, and mended by what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from connectors.doctor.doctor import examine, fix
from connectors.doctor.finding import Kind, Severity
from stream.admin import kafka_admin
from stream.settings import Settings
from stream.topics import signal_topic
from tests.conftest import tonnage
from tests.e2e.pipeline import until
from tests.integration.capturing import Primary
from tests.integration.doctoring import breaks, first, found, found_anywhere

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Harm:
    """Something that breaks the capture: by SQL with the capture's own names filled in."""

    name: str
    sql: str


BROKEN = [
    Harm("publication-lacks:gym.sessions", "ALTER PUBLICATION {0} DROP TABLE gym.sessions"),
    Harm(
        "publication-lacks:tonnage.heartbeat", "ALTER PUBLICATION {0} DROP TABLE tonnage.heartbeat"
    ),
    Harm("publication-has:gym.unrelated", "ALTER PUBLICATION {0} ADD TABLE gym.unrelated"),
    Harm("publication-kinds", "ALTER PUBLICATION {0} SET (publish = 'insert')"),
    Harm("replica-identity:gym.sessions", "ALTER TABLE gym.sessions REPLICA IDENTITY NOTHING"),
    Harm("role-login", "ALTER ROLE {0} NOLOGIN"),
    Harm("role-replication", "ALTER ROLE {0} NOREPLICATION"),
    Harm("select:gym.performed", "REVOKE SELECT ON gym.performed FROM {0}"),
    Harm("select:gym.", "REVOKE USAGE ON SCHEMA gym FROM {0}"),
    Harm("heartbeat-denied", "REVOKE UPDATE ON tonnage.heartbeat FROM {0}"),
]


@breaks(*(Kind(harm.name.partition(":")[0]) for harm in BROKEN))
@pytest.mark.parametrize("harm", BROKEN, ids=lambda harm: harm.name)
def test_what_sql_breaks_is_found_and_mended_by_the_printed_sql(
    captured: Settings, primary: Primary, harm: Harm
) -> None:
    assert found(captured, harm.name) is None
    primary.execute(harm.sql.format(captured.slot_name).encode())
    finding = found(captured, harm.name)
    assert finding is not None
    assert finding.sql
    for statement in finding.sql:
        primary.execute(statement.encode())
    assert found(captured, harm.name) is None


@breaks(Kind.COLUMN, Kind.TABLE_MISSING, Kind.PRIMARY_KEY)
@pytest.mark.parametrize(
    ("name", "harm", "back"),
    [
        (
            "column:gym.sessions.date",
            "ALTER TABLE gym.sessions RENAME date TO day",
            "ALTER TABLE gym.sessions RENAME day TO date",
        ),
        (
            "column:gym.performed.reps_per_set",
            "ALTER TABLE gym.performed ALTER reps_per_set TYPE text",
            "ALTER TABLE gym.performed ALTER reps_per_set TYPE jsonb USING reps_per_set::jsonb",
        ),
        (
            "table-missing:gym.performed",
            "ALTER TABLE gym.performed RENAME TO sets",
            "ALTER TABLE gym.sets RENAME TO performed",
        ),
        (
            "primary-key:gym.performed",
            "ALTER TABLE gym.performed DROP CONSTRAINT performed_pkey",
            "ALTER TABLE gym.performed ADD PRIMARY KEY (id)",
        ),
        (
            "primary-key:gym.exercise",
            "ALTER TABLE gym.exercise DROP CONSTRAINT exercise_pkey, ADD PRIMARY KEY (id, name)",
            "ALTER TABLE gym.exercise DROP CONSTRAINT exercise_pkey, ADD PRIMARY KEY (id)",
        ),
    ],
)
def test_tables_that_can_not_be_read_are_found(
    captured: Settings, primary: Primary, name: str, harm: str, back: str
) -> None:
    assert found(captured, name) is None
    primary.execute(harm.encode())
    finding = found(captured, name)
    primary.execute(back.encode())
    assert finding is not None
    assert finding.severity == Severity.ERROR
    assert finding.command
    assert found(captured, name) is None


def drop_publication(settings: Settings, primary: Primary) -> None:
    primary.execute(f"DROP PUBLICATION {settings.publication}".encode())


def shorten_tombstones(settings: Settings, primary: Primary) -> None:
    del primary
    with kafka_admin(settings) as admin:
        configs = {"delete.retention.ms": "1000"}
        topic = settings.topic("sessions")
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])


def delete_topic(settings: Settings, primary: Primary) -> None:
    del primary
    with kafka_admin(settings) as admin:
        admin.delete_topics([signal_topic(settings)])
        until(lambda: signal_topic(settings) not in admin.list_topics(), "the topic's end", 10)


@breaks(Kind.PUBLICATION_MISSING, Kind.TOPIC_CONFIG, Kind.TOPIC_MISSING)
@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("publication-missing", drop_publication),
        ("topic-config:", shorten_tombstones),
        ("topic-missing:", delete_topic),
    ],
)
def test_what_a_command_mends_fix_does(
    captured: Settings, primary: Primary, name: str, harm: Callable[[Settings, Primary], None]
) -> None:
    harm(captured, primary)
    findings = examine(captured)
    finding = first(findings, name)
    assert finding is not None
    assert finding.safe
    assert finding.command
    assert finding in fix(captured, findings)
    assert found_anywhere(captured, name) is None


@breaks(Kind.ROLE_MISSING, Kind.CONNECTOR_MISSING)
def test_what_is_not_there_yet_is_made_by_fix(other: Settings, primary: Primary) -> None:
    primary.execute(f"DROP PUBLICATION {other.publication}".encode())
    primary.execute(f"DROP OWNED BY {other.capture_user}".encode())
    primary.execute(f"DROP ROLE {other.capture_user}".encode())
    findings = examine(other)
    names = {each.name for each in findings}
    assert names >= {"role-missing", "publication-missing", "connector-missing"}
    fix(other, findings)
    assert [each for each in examine(other) if each.severity == Severity.ERROR] == []


@breaks(Kind.PRIMARY, Kind.CONNECT, Kind.KAFKA, Kind.READ_STORE, Kind.TOPIC_PARTITIONS)
@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("TONNAGE_SOURCE_DSN", "postgresql://nobody@127.0.0.1:1/none", "primary"),
        ("TONNAGE_CONNECT_URL", "http://127.0.0.1:1", "connect"),
        ("TONNAGE_BOOTSTRAP_SERVERS", "127.0.0.1:1", "kafka"),
        ("TONNAGE_READ_STORE_DSN", "postgresql://nobody@127.0.0.1:1/none", "read-store"),
    ],
)
def test_a_part_that_is_away_is_a_finding_and_hides_no_other(
    stack: Settings, variable: str, value: str, name: str
) -> None:
    away = {variable: value, "TONNAGE_PARTITIONS": "5"}
    done = tonnage(stack.home, "connector", "doctor", "--json", **away)
    assert done.returncode == 1, done.stderr
    names = [each["name"] for each in json.loads(done.stdout)["findings"]]
    assert name in names
    assert any(each.startswith("topic-partitions:") for each in names) == (name != "kafka")


def test_the_exit_code_and_the_json_say_whether_an_error_is_left(
    stack: Settings, primary: Primary
) -> None:
    del primary
    healthy = tonnage(stack.home, "connector", "doctor", "--json")
    assert healthy.returncode == 0, healthy.stderr
    severities = {each["severity"] for each in json.loads(healthy.stdout)["findings"]}
    assert severities <= {"warning"}
    lost = tonnage(stack.home, "connector", "doctor", TONNAGE_WORKOUT_TABLE="nowhere")
    assert lost.returncode == 1
    assert "set TONNAGE_WORKOUT_TABLE to its name" in lost.stdout
