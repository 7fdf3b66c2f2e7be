"""A real broker that lets nobody in without TLS, and a login or a certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from infra import jars, ports
from infra.services.kafka import Broker, java_command, server_properties
from infra.services.part import LOOPBACK, NotReady, listens, properties

USER, PASSWORD = "tonnage", "let-me-in"
READY_SECONDS = 120
_MODULES = "org.apache.kafka.common.security"
_PROTOCOLS = {
    "CONTROLLER": "PLAINTEXT",
    "INSIDE": "PLAINTEXT",
    "LOGIN": "SASL_SSL",
    "MUTUAL": "SSL",
}


@dataclass(frozen=True)
class Secured:
    """Where it listens: for who logs in, and for who shows a certificate."""

    login: str
    mutual: str
    ca: Path
    certificate: Path


def issue(authority: trustme.CA, path: Path, name: str) -> Path:
    """Write a certificate and its key into one file, as Kafka reads it."""
    issued = authority.issue_cert(name)
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(text + b"".join(each.bytes() for each in issued.cert_chain_pems))
    return path


@contextmanager
def secured_broker(folder: Path) -> Iterator[Secured]:
    """Start it, in a folder of its own, and wait until it listens."""
    chosen = {name: ports.choose(name, None, 0, None) for name in _PROTOCOLS}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    broker = Broker(
        jars.ensure(), folder / "data", folder / "kafka.properties", chosen["INSIDE"],
        chosen["CONTROLLER"],
    )  # fmt: skip
    at = {name: f"{LOOPBACK}:{port}" for name, port in chosen.items()}
    shown = ",".join(f"{name}://{at[name]}" for name in chosen if name != "CONTROLLER")
    scram = f"{_MODULES}.scram.ScramLoginModule required;"
    plain = f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    text = properties(
        server_properties(broker)
        | {
            "listeners": ",".join(f"{name}://{address}" for name, address in at.items()),
            "advertised.listeners": shown,
            "inter.broker.listener.name": "INSIDE",
            "listener.security.protocol.map": ",".join(map(":".join, _PROTOCOLS.items())),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": issue(authority, folder / "broker.pem", LOOPBACK),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": folder / "ca.pem",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.login.sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
            "listener.name.login.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.login.plain.sasl.jaas.config": plain,
        }
    )
    broker.config.write_text(text)
    _format(broker)
    command = java_command(broker.jars, "384m", "kafka.Kafka", str(broker.config))
    with (
        (folder / "kafka.log").open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out) as process,
    ):
        try:
            ready = Retrying(
                retry=retry_if_exception_type(NotReady),
                stop=stop_after_delay(READY_SECONDS),
                wait=wait_fixed(0.2),
                reraise=True,
            )
            ready(listens, chosen["LOGIN"])
            ready(listens, chosen["MUTUAL"])
            certificate = issue(authority, folder / "client.pem", "tonnage.test")
            yield Secured(at["LOGIN"], at["MUTUAL"], folder / "ca.pem", certificate)
        finally:
            process.terminate()


def _format(broker: Broker) -> None:
    tool = java_command(broker.jars, "64m", "kafka.tools.StorageTool")
    scram = f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]"
    cluster = "AAAAAAAAAAAAAAAAAAAAAA"
    subprocess.run(
        [*tool, "format", f"--cluster-id={cluster}", "--config", str(broker.config),
         "--add-scram", scram],
        check=True,
        capture_output=True,
    )  # fmt: skip
