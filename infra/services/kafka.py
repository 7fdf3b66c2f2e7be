"""Kafka: one KRaft node that is broker and controller."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from infra.errors import TonnageError
from infra.jars import java
from infra.services.part import LOOPBACK, NotReady, Part, listens, properties, write_private

MESSAGE_BYTES = 8 * 1024 * 1024
LOGGING = Path(__file__).with_name("log4j2.properties")


@dataclass(frozen=True)
class Broker:
    """The node's place and ports."""

    jars: Path
    data: Path
    config: Path
    port: int
    controller_port: int

    @property
    def address(self) -> str:
        """What clients take for `bootstrap.servers`."""
        return f"{LOOPBACK}:{self.port}"

    def part(self) -> Part:
        """Describe the process."""
        return Part(
            name="kafka",
            command=java_command(self.jars, "384m", "kafka.Kafka", str(self.config)),
            address=self.address,
            prepare=partial(prepare, self),
            probe=partial(probe, self),
            stop_seconds=20,
        )


def java_command(jars: Path, heap: str, main: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a main class of Kafka's jars and ends when memory is out."""
    sizes = (f"-Xms{heap}", f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError")
    pauses = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:G1HeapRegionSize=1m")
    # The quick compiler alone: half the processor time until ready, half of it for the first
    # rows of a snapshot, and still a tenth less after 180,000 of them.
    compiler = "-XX:TieredStopAtLevel=1"
    logging = f"-Dlog4j2.configurationFile={LOGGING}"
    return (
        java(),
        *sizes,
        *pauses,
        compiler,
        logging,
        "-cp",
        f"{jars / 'kafka'}/*",
        main,
        *arguments,
    )


def server_properties(broker: Broker) -> dict[str, object]:
    """Return the node's configuration."""
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{broker.controller_port}",
        "listeners": f"PLAINTEXT://{broker.address},CONTROLLER://{LOOPBACK}:{broker.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{broker.address}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": broker.data,
        "auto.create.topics.enable": "false",
        "message.max.bytes": MESSAGE_BYTES,
        "replica.fetch.max.bytes": MESSAGE_BYTES,
        "socket.request.max.bytes": 16 * MESSAGE_BYTES,
        # one node holds everything, and few partitions of the internal topics start quickly
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # positions outlive a stack that is stopped for long; topics say what they keep
        "offsets.retention.minutes": 60 * 24 * 365,
        "log.retention.hours": 24 * 7,
        "log.segment.bytes": 128 * 1024 * 1024,
        "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,
        "log.cleaner.backoff.ms": 5000,
        # a restarted node must wait until its former life has timed out
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }


def prepare(broker: Broker) -> None:
    """Write the configuration and format the data folder, once."""
    write_private(broker.config, properties(server_properties(broker)))
    if (broker.data / "meta.properties").exists():
        return
    name = hashlib.sha256(str(broker.data).encode()).digest()[:16]
    cluster = base64.urlsafe_b64encode(name).decode().rstrip("=")
    tool = java_command(broker.jars, "64m", "kafka.tools.StorageTool")
    arguments = [
        "format",
        f"--cluster-id={cluster}",  # which may begin with a dash
        "--config",
        str(broker.config),
        "--ignore-formatted",
    ]
    done = subprocess.run([*tool, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
        raise TonnageError(f"Kafka's storage tool could not format {broker.data}:\n{tail}")


def probe(broker: Broker) -> None:
    """Raise NotReady unless the node answers as a broker of its cluster."""
    listens(broker.port)
    try:
        client = KafkaAdminClient(bootstrap_servers=broker.address, request_timeout_ms=3000)
    except (KafkaError, OSError) as error:
        raise NotReady(f"{broker.address}: {error or type(error).__name__}") from error
    try:
        if not client.describe_cluster()["brokers"]:
            raise NotReady(f"{broker.address} has registered no broker yet")
    except KafkaError as error:
        raise NotReady(f"{broker.address}: {error or type(error).__name__}") from error
    finally:
        client.close()
