"""Kafka Connect, distributed, with Debezium's PostgreSQL connector as its one plugin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.services.kafka import MESSAGE_BYTES, java_command
from infra.services.part import LOOPBACK, Part, answers, properties, write_private
from stream.brokers import Brokers

CONVERTER = "org.apache.kafka.connect.json.JsonConverter"


@dataclass(frozen=True)
class ConnectWorker:
    """The Connect worker's place, port and brokers."""

    jars: Path
    config: Path
    port: int
    brokers: Brokers
    offsets_topic: str
    replication_factor: int

    @property
    def url(self) -> str:
        """Address of its REST interface."""
        return f"http://{LOOPBACK}:{self.port}"

    def part(self) -> Part:
        """Describe the process."""
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        return Part(
            name="connect",
            command=java_command(self.jars, "256m", main, str(self.config)),
            address=self.url,
            prepare=partial(prepare, self),
            probe=partial(answers, f"{self.url}/health"),
            stop_seconds=20,
        )


def worker_properties(worker: ConnectWorker) -> dict[str, object]:
    """Return the worker's configuration."""
    return {
        "bootstrap.servers": worker.brokers.servers,
        "group.id": "tonnage-connect",
        "listeners": worker.url,
        "rest.advertised.host.name": LOOPBACK,
        "plugin.path": worker.jars / "plugins",
        "plugin.discovery": "service_load",
        "exactly.once.source.support": "enabled",
        "key.converter": CONVERTER,
        "key.converter.schemas.enable": "false",
        "value.converter": CONVERTER,
        "value.converter.schemas.enable": "false",
        "config.storage.topic": "tonnage.connect-configs",
        "config.storage.replication.factor": worker.replication_factor,
        "offset.storage.topic": worker.offsets_topic,
        "offset.storage.replication.factor": worker.replication_factor,
        "offset.storage.partitions": 1,
        "status.storage.topic": "tonnage.connect-status",
        "status.storage.replication.factor": worker.replication_factor,
        "status.storage.partitions": 1,
        # with these the connector is back 9-16 s after a broker restart, else after 2 minutes
        "session.timeout.ms": 90_000,
        "heartbeat.interval.ms": 30_000,
        # a killed worker's tasks go to the one that takes its place, after these few seconds
        "rebalance.timeout.ms": 8_000,
        "scheduled.rebalance.max.delay.ms": 0,
        "producer.max.request.size": MESSAGE_BYTES,
        **{
            name: value
            for prefix in ("", "producer.", "consumer.", "admin.")
            for name, value in worker.brokers.java(prefix).items()
        },
    }


def prepare(worker: ConnectWorker) -> None:
    """Write the configuration."""
    write_private(worker.config, properties(worker_properties(worker)))
