"""What clients are made with, and that all of them are made with it."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from stream.brokers import Brokers
from stream.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[2]
LOGIN = {
    "bootstrap_servers": "kafka.test:9096",
    "kafka_security_protocol": "SASL_SSL",
    "kafka_user": "tonnage",
    "kafka_password": 'l3t"me\\in',
}


def settings(**given: Any) -> Settings:
    return load_settings(home=Path("/nowhere"), **given)


def test_in_plain_text_nothing_is_sent_but_what_is_asked() -> None:
    brokers = Brokers.of(settings(bootstrap_servers="kafka.test:9092"))
    arguments = {"bootstrap_servers": "kafka.test:9092", "security_protocol": "PLAINTEXT"}
    assert brokers.client == arguments
    assert brokers.java() == {}


def test_a_login_is_said_to_python_and_java() -> None:
    brokers = Brokers.of(settings(**LOGIN))
    assert brokers.client["sasl_plain_password"] == 'l3t"me\\in'
    assert brokers.client["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert brokers.client["ssl_context"].check_hostname
    assert brokers.java("signal.consumer.") == {
        "signal.consumer.security.protocol": "SASL_SSL",
        "signal.consumer.sasl.mechanism": "SCRAM-SHA-512",
        "signal.consumer.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required"
            r' username="tonnage" password="l3t\"me\\in";'
        ),
    }
    plain = Brokers.of(settings(**LOGIN, kafka_sasl_mechanism="PLAIN")).java()
    assert "plain.PlainLoginModule" in plain["sasl.jaas.config"]


def test_java_reads_the_files_itself(tmp_path: Path) -> None:
    files = {"kafka_ca": tmp_path / "ca.pem", "kafka_certificate": tmp_path / "own.pem"}
    java = Brokers.of(settings(**LOGIN, **files)).java()
    assert java["ssl.truststore.location"] == str(tmp_path / "ca.pem")
    assert java["ssl.keystore.location"] == str(tmp_path / "own.pem")
    assert java["ssl.keystore.type"] == java["ssl.truststore.type"] == "PEM"


def test_a_password_is_not_shown() -> None:
    assert "l3t" not in repr(Brokers.of(settings(**LOGIN)))


def test_a_login_that_lacks_is_named() -> None:
    with pytest.raises(SettingsError, match="TONNAGE_KAFKA_PASSWORD is not set"):
        Brokers.of(settings(**LOGIN | {"kafka_password": None}))


@pytest.mark.parametrize("name", ["kafka_user", "kafka_password", "kafka_ca", "kafka_certificate"])
def test_what_would_not_be_used_is_refused(name: str) -> None:
    said = rf"^TONNAGE_{name.upper()} is set, and TONNAGE_KAFKA_SECURITY_PROTOCOL=PLAINTEXT "
    with pytest.raises(SettingsError, match=said):
        settings(**{name: "x"})


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    brokers = Brokers("kafka.test:9093", "SSL", ca)
    with pytest.raises(
        SettingsError, match=r"^TONNAGE_KAFKA_CA: .*ca\.pem can't be used: .*No such"
    ):
        _ = brokers.client
    ca.write_text("no certificate")
    with pytest.raises(SettingsError, match=r"^TONNAGE_KAFKA_CA: .*ca\.pem can't be used"):
        _ = brokers.client


def test_a_key_that_java_can_not_read_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    issued = trustme.CA().issue_cert("client.test")
    issued.private_key_and_cert_chain_pem.write_to_path(str(own))  # of OpenSSL's older form
    with pytest.raises(SettingsError, match=r"^TONNAGE_KAFKA_CERTIFICATE: .*PKCS#8"):
        _ = Brokers("kafka.test:9093", "SSL", None, own).client


def test_no_client_is_made_without() -> None:
    """Benchmarks are left out, and the probe of the local broker: their servers are plain.

    The engine's consumer is told by Faust, the addresses apart from the rest.
    """
    told = re.compile(r"bootstrap_servers=")
    left_out = {"infra/services/kafka.py", "stream/engine/consumer.py"}
    found = {
        str(path.relative_to(ROOT))
        for folder in ("stream", "connectors", "infra")
        for path in (ROOT / folder).rglob("*.py")
        if told.search(path.read_text()) and "bench" not in path.parts
    }
    assert found == left_out
