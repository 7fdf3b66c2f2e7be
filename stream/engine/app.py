"""The Faust app that runs steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from stream.brokers import Brokers
from stream.engine.consumer import StepTransport
from stream.engine.recovery import StepTableManager
from stream.engine.restore import StateKeeper
from stream.engine.runner import Runner

SESSION_TIMEOUT_SECONDS = 6.0
HEARTBEAT_SECONDS = 1.0


class StepApp(faust.App):  # type: ignore[misc]
    """Faust with our consumer, our recovery and no agents.

    Attributes:
        runners: what fetched records are handed to.
        keeper: opens and restores the state of what is assigned.
        batch_size: records that one batch takes.

    `resources` is entered before input flows, and left when it has stopped.
    """

    def __init__(
        self,
        name: str,
        *,
        runners: Sequence[Runner],
        keeper: StateKeeper,
        batch_size: int,
        resources: AbstractAsyncContextManager[None],
        **conf: Any,
    ) -> None:
        self.runners = runners
        self.keeper = keeper
        self.batch_size = batch_size
        self._resources = resources
        self._opened = AsyncExitStack()
        super().__init__(name, TableManager=StepTableManager, **conf)
        for runner in runners:
            self.topics.add(
                self.topic(*runner.topics, key_serializer="raw", value_serializer="raw")
            )

    def _new_transport(self) -> StepTransport:
        return StepTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> StepTransport:
        return StepTransport(self.conf.broker_producer, self)

    async def on_start(self) -> None:
        """Open what the runners need."""
        await self._opened.enter_async_context(self._resources)
        await super().on_start()

    async def on_stop(self) -> None:
        """Stop the input, then close what the runners needed."""
        await super().on_stop()
        self.keeper.close()
        await self._opened.aclose()

    @property
    def ready(self) -> bool:
        """Whether input flows: partitions are assigned and their state is restored."""
        return bool(self.tables.actives_ready and self.consumer.flow_active)


def make_app(
    group: str,
    *,
    brokers: Brokers,
    runners: Sequence[Runner],
    keeper: StateKeeper,
    batch_size: int,
    resources: AbstractAsyncContextManager[None],
    commit_interval_ms: int,
    folder: Path,
    instance: str | None = None,
    session_seconds: float = SESSION_TIMEOUT_SECONDS,
) -> StepApp:
    """Configure Faust for a worker of a consumer group.

    A worker with an `instance`, a name that no other has, is a static member: one that comes back
    under its name within `session_seconds` finds its partitions, and the others notice nothing.
    """
    quiet_debug_logs()
    folder.mkdir(parents=True, exist_ok=True)
    return StepApp(
        group,
        runners=runners,
        keeper=keeper,
        batch_size=batch_size,
        resources=resources,
        broker=";".join(f"kafka://{server}" for server in brokers.servers.split(",")),
        broker_credentials=_credentials(brokers),
        datadir=str(folder / "faust"),
        consumer_group_instance_id=instance,
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_commit_interval=commit_interval_ms / 1000,
        broker_request_timeout=30.0,
        stream_wait_empty=True,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        # members of a group are told apart by it, and one that comes back is known by it
        canonical_url=f"http://{instance or uuid4()}",
    )


def _credentials(brokers: Brokers) -> CredentialsT | None:
    """Say it in Faust's words, which its own producer takes, and our consumer, too."""
    tls = brokers.tls if brokers.has_tls else None
    if brokers.has_sasl:
        return SASLCredentials(
            username=brokers.user,
            password=brokers.secret,
            ssl_context=tls,
            mechanism=brokers.mechanism,
        )
    return SSLCredentials(tls) if tls else None


def quiet_debug_logs() -> None:
    """Keep aiokafka from formatting debug lines that nobody reads: they cost 15 % of a worker.

    It prints a table for each look at a partition, too.
    """
    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("aiokafka.consumer.subscription_state").setLevel(logging.WARNING)
