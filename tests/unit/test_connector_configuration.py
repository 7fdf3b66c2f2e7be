"""Debezium's configuration: names, addresses and secrets of the settings."""

from __future__ import annotations

import re

import pytest

from connectors.configuration import redact, render
from connectors.errors import ConnectorError
from stream.settings import Settings, SettingsError

LOGIN = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_user": "tonnage",
    "kafka_password": 'kafka-pw"',
}


def settings(**given: object) -> Settings:
    defaults = {
        "source_dsn": "postgresql://owner:0wner-pw@db.test:6543/gym?sslmode=verify-full",
        "capture_password": "c4pture-pw",
        "bootstrap_servers": "kafka.test:9092",
    }
    return Settings.model_validate(defaults | given)


def test_address_and_role_come_from_the_settings() -> None:
    config = render(settings())
    address = [config[f"database.{name}"] for name in ("hostname", "port", "dbname", "sslmode")]
    assert address == ["db.test", "6543", "gym", "verify-full"]
    assert config["database.user"] == "tonnage_capture"
    assert config["database.password"] == "c4pture-pw"


def test_what_the_address_leaves_out_has_its_usual_value() -> None:
    config = render(settings(source_dsn="postgresql://db.test"))
    address = [config[f"database.{name}"] for name in ("port", "dbname", "sslmode")]
    assert address == ["5432", "postgres", "prefer"]


def test_certificates_are_kept() -> None:
    config = render(settings(source_dsn="postgresql://db.test/gym?sslrootcert=/etc/ca.pem"))
    assert config["database.sslrootcert"] == "/etc/ca.pem"
    assert "database.sslkey" not in config


def test_tables_and_columns_have_the_sources_names() -> None:
    config = render(
        settings(
            source_schema="gym",
            workout_table="sessions",
            columns={"workout.user_id": "athlete", "performed.reps_per_set": "reps"},
        )
    )
    assert r"gym\.sessions," in config["table.include.list"]
    columns = config["column.include.list"].split(",")
    assert r"gym\.sessions\.athlete" in columns
    assert r"gym\.workouts_performedexercise\.reps" in columns
    assert r"gym\.sessions\.user_id" not in columns


def test_columns_that_are_not_used_are_not_captured() -> None:
    columns = render(settings())["column.include.list"].split(",")
    assert not any(re.fullmatch(each, "public.workouts_workout.total_volume") for each in columns)
    assert any(re.fullmatch(each, "public.workouts_workout.date") for each in columns)


def test_a_name_is_matched_as_it_stands() -> None:
    tables = render(settings(exercise_table="lift.s+"))["table.include.list"].split(",")
    assert re.fullmatch(tables[0], "public.lift.s+")
    assert not re.fullmatch(tables[0], "public.liftxss")


def test_the_heartbeat_is_written_as_often_as_set() -> None:
    config = render(settings(heartbeat_interval_ms=5000))
    assert "interval '5000 milliseconds'" in config["heartbeat.action.query"]
    assert config["heartbeat.interval.ms"] == "200"


def test_a_faster_heartbeat_is_looked_at_as_often() -> None:
    assert render(settings(heartbeat_interval_ms=100))["heartbeat.interval.ms"] == "100"


def test_every_value_is_filled_in() -> None:
    assert not [value for value in render(settings()).values() if "${" in value]


def test_a_missing_password_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="TONNAGE_CAPTURE_PASSWORD"):
        render(settings(capture_password=None))


def test_a_wrong_address_is_refused_without_its_password() -> None:
    with pytest.raises(ConnectorError, match="TONNAGE_SOURCE_DSN") as caught:
        render(settings(source_dsn="postgresql://owner:0wner-pw@[db/gym"))
    assert "0wner-pw" not in str(caught.value)


def test_redacting_leaves_no_password() -> None:
    text = redact("as owner:0wner-pw and capture:c4pture-pw", settings())
    assert text == "as owner:******** and capture:********"


def test_the_signals_consumer_logs_in_as_we_do() -> None:
    config = render(settings(**LOGIN))
    assert config["signal.consumer.security.protocol"] == "SASL_SSL"
    assert "kafka-pw" in config["signal.consumer.sasl.jaas.config"]
    assert not [name for name in render(settings()) if name.startswith("signal.consumer.")]


def test_what_connect_says_of_the_login_is_redacted_too() -> None:
    given = settings(**LOGIN, connect_user="tonnage", connect_password="c0nnect-pw")
    said = f"{render(given)['signal.consumer.sasl.jaas.config']} c0nnect-pw"
    assert "kafka-pw" not in redact(said, given)
    assert "c0nnect-pw" not in redact(said, given)
