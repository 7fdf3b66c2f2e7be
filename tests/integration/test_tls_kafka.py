"""Kafka that lets nobody in without TLS and a login or a certificate, Connect behind https."""

from __future__ import annotations

import asyncio
import gc
import re
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import load_pem_x509_certificate
from kafka import KafkaAdminClient
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from connectors.connect import Connect
from connectors.errors import ConnectorError
from infra import jars, ports
from infra.erasure.log import last_values
from infra.services.connect import ConnectWorker, worker_properties
from infra.services.kafka import java_command
from infra.services.part import LOOPBACK, properties
from stream.admin import TopicsError, kafka_admin
from stream.brokers import Brokers
from stream.engine.outbox import Outbox, Outgoing
from stream.engine.trim import trim
from stream.settings import Settings, load_settings
from stream.topics import ensure_topics, shared_topics
from tests.conftest import tonnage
from tests.integration.engine.harness import Broker, Seen, until, worker
from tests.integration.engine.test_frontier import Flow
from tests.integration.secured import PASSWORD, USER, Secured, secured_broker

pytestmark = pytest.mark.stack

OFFSETS = "tonnage.connect-offsets"
READY_SECONDS = 120


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    with (
        tempfile.TemporaryDirectory(prefix="tonnage-tls-") as folder,
        secured_broker(Path(folder)) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def other_authority(secured: Secured) -> Path:
    path = secured.ca.with_name("other.pem")
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(params=["SCRAM-SHA-256", "PLAIN", "a certificate"])
def ours(request: pytest.FixtureRequest, secured: Secured, tmp_path: Path) -> Settings:
    """Settings of each way in."""
    if request.param == "a certificate":
        return load_settings(
            home=tmp_path,
            bootstrap_servers=secured.mutual,
            kafka_security_protocol="SSL",
            kafka_ca=secured.ca,
            kafka_certificate=secured.certificate,
        )
    return load_settings(home=tmp_path, **login(secured, kafka_sasl_mechanism=request.param))


def login(secured: Secured, **other: Any) -> dict[str, Any]:
    return {
        "bootstrap_servers": secured.login,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_ca": secured.ca,
        "kafka_sasl_mechanism": "SCRAM-SHA-256",
        "kafka_user": USER,
        "kafka_password": PASSWORD,
        **other,
    }


def test_every_client_gets_in(ours: Settings, tmp_path: Path) -> None:
    ensure_topics(ours)
    with kafka_admin(ours) as admin:
        assert {spec.name for spec in shared_topics(ours)} <= set(admin.list_topics())
    brokers = Brokers.of(ours)
    client = KafkaAdminClient(**brokers.client)
    broker = Broker(brokers, client)
    topic, group = broker.topic(), f"secured-{ours.kafka_sasl_mechanism}-{brokers.protocol}"

    async def through_the_engine() -> None:
        async with Outbox(brokers) as outbox:
            await outbox.send(
                Outgoing(topic, each % 4, b"k%d" % each, b"v", ()) for each in range(40)
            )
        seen = Seen(topic)
        async with worker(broker, group, tmp_path, seen):
            await seen.grown("what the outbox has sent")
        await trim(brokers, group, [topic])

    asyncio.run(through_the_engine())
    assert sum(broker.committed(group, topic).values()) == 40
    assert last_values(ours, topic) == {}  # it is trimmed
    client.close()


def test_the_frontier_reads_there(secured: Secured, tmp_path: Path) -> None:
    brokers = Brokers.of(load_settings(home=tmp_path, **login(secured)))
    client = KafkaAdminClient(**brokers.client)
    flow = Flow(Broker(brokers, client))

    async def follow() -> None:
        async with flow.followed():
            await asyncio.to_thread(flow.change, 0, 7)
            await asyncio.to_thread(flow.commit)
            await until(lambda: bool(flow.points), "a point of the frontier")

    asyncio.run(follow())
    assert [point.lsn for point in flow.points] == [7]
    client.close()


@pytest.fixture
def _not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.admin.BOOTSTRAP_MS", 1000)


def refused(settings: Settings) -> str:
    """Return what is said to who is not let in."""
    with warnings.catch_warnings():
        # kafka-python leaves the socket of a handshake that failed to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(TopicsError) as caught, kafka_admin(settings):
            pass
        said = str(caught.value)
        del caught
        gc.collect()
    return said


@pytest.mark.usefixtures("_not_for_long")
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kafka_password": "forgotten"}, r"login is refused \(TONNAGE_KAFKA_USER, .*_PASSWORD\)"),
        ({"kafka_sasl_mechanism": "SCRAM-SHA-512"}, "TONNAGE_KAFKA_SASL_MECHANISM=SCRAM-SHA-512"),
        (
            {"kafka_ca": "other.pem"},
            r"not trusted \(TONNAGE_KAFKA_CA\): unable to get local issuer",
        ),
        (
            {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_ca": None},
            "TONNAGE_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_user": None, "kafka_password": None},
            "TONNAGE_KAFKA_SECURITY_PROTOCOL=SSL",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_setting(
    secured: Secured, other_authority: Path, tmp_path: Path, wrong: dict[str, Any], named: str
) -> None:
    if wrong.get("kafka_ca"):
        wrong = {"kafka_ca": other_authority}
    settings = load_settings(home=tmp_path, **login(secured, **wrong))
    line = refused(settings)
    assert re.search(named, line)
    assert len(line.splitlines()) == 1
    assert "forgotten" not in line


@pytest.mark.usefixtures("_not_for_long")
def test_a_certificate_that_is_asked_for_is_named(secured: Secured, tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path,
        bootstrap_servers=secured.mutual,
        kafka_security_protocol="SSL",
        kafka_ca=secured.ca,
    )
    assert "TONNAGE_KAFKA_CERTIFICATE" in refused(settings)


@pytest.fixture(scope="module")
def connect(secured: Secured) -> Iterator[str]:
    """A real Connect on that broker, its REST interface behind https; its address."""
    folder = secured.ca.parent
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "connect-ca.pem"))
    port = ports.choose("connect", None, 0, None)
    brokers = Brokers.of(load_settings(home=folder, **login(secured)))
    config = folder / "connect.properties"
    described = ConnectWorker(jars.ensure(), config, port, brokers, OFFSETS, 1)
    url = described.url.replace("http://", "https://")
    text = properties(
        worker_properties(described)
        | {
            "listeners": url,
            "listeners.https.ssl.keystore.type": "PKCS12",
            "listeners.https.ssl.keystore.location": _key_store(authority, folder),
            "listeners.https.ssl.keystore.password": PASSWORD,
        }
    )
    config.write_text(text)
    main = "org.apache.kafka.connect.cli.ConnectDistributed"
    command = java_command(described.jars, "256m", main, str(config))
    with (
        (folder / "connect.log").open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out) as process,
    ):
        try:
            there = Connect.of(over_https(url, folder))
            Retrying(
                retry=retry_if_exception_type(ConnectorError),
                stop=stop_after_delay(READY_SECONDS),
                wait=wait_fixed(0.2),
                reraise=True,
            )(there.config)
            yield url
        finally:
            process.terminate()


def _key_store(authority: trustme.CA, folder: Path) -> Path:
    """Write Connect's certificate as Jetty reads it, which knows no PEM."""
    issued = authority.issue_cert(LOOPBACK)
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    own = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    encryption = BestAvailableEncryption(PASSWORD.encode())
    path = folder / "connect.p12"
    path.write_bytes(serialize_key_and_certificates(b"connect", key, own, None, encryption))
    return path


def over_https(url: str, folder: Path, ca: str = "connect-ca.pem") -> Settings:
    return load_settings(home=folder, connect_url=url, connect_ca=folder / ca)


def test_connects_certificate_is_checked(
    connect: str, secured: Secured, other_authority: Path
) -> None:
    assert Connect.of(over_https(connect, secured.ca.parent)).status() is None
    stranger = Connect.of(over_https(connect, secured.ca.parent, other_authority.name))
    with pytest.raises(ConnectorError, match=r"certificate verify failed.*TONNAGE_CONNECT_CA"):
        stranger.status()


def test_the_whole_flow_over_both(connect: str, secured: Secured, home: Path) -> None:
    """`up` of everything else, a login's rows served, each of them once more by a signal."""
    outside = {
        f"TONNAGE_{name.upper()}": str(value)
        for name, value in {
            **login(secured),
            "connect_url": connect,
            "connect_ca": secured.ca.with_name("connect-ca.pem"),
            "connect_offsets_topic": OFFSETS,
        }.items()
    }
    log = Path(str(files("infra").joinpath("data/logs/hevy_kg.jsonl")))
    done = tonnage(home, "up", **outside)
    assert done.returncode == 0, done.stderr
    for command in (("load", str(log)), ("verify",), ("connector", "snapshot", "--yes")):
        # the home knows how to reach what `up` was told
        done = tonnage(home, *command, TONNAGE_CONNECT_OFFSETS_TOPIC=OFFSETS)
        assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
    for variable, wrong in {
        "PASSWORD": "forgotten",
        "CA": secured.ca.with_name("connect-ca.pem"),
    }.items():
        done = tonnage(home, "stream", "run", **{f"TONNAGE_KAFKA_{variable}": str(wrong)})
        assert done.returncode == 1
        assert f"TONNAGE_KAFKA_{variable}" in done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert "forgotten" not in done.stderr
        assert PASSWORD not in done.stderr
