"""Faust's consumer, which hands fetched lists of records to steps.

Faust keeps membership, assignment, positions and commits. What is overridden here, and why:

- `_drain_messages`: one fetch loop for each step, so that a step is given what was fetched as
  it was fetched, and a slow step holds back no other.
- `_filter_tps_with_pending_acks`, `_new_offset`: the position to commit is what a step has
  finished, not a list of single acknowledgements.
- `wait_empty`: at a revocation, wait for the batches in flight, then commit them; a batch that
  goes on after its partition is gone would write what its new owner writes too.
- `perform_seek`: every partition begins at its committed position, one without at the log's
  first record; no reset policy jumps silently.
- `_create_worker_consumer`: only committed transactions are read, Faust's own assignor keeps
  equal partition numbers together though no faust.Table is declared, waiting for new records
  takes as long as told, and looking for a broker that is away is paced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import aiokafka
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from stream.engine.pacing import pace
from stream.engine.runner import InterruptedRunError, Runner
from stream.steps.step import Record

FETCH_TIMEOUT_SECONDS = 1.0
FETCH_MAX_WAIT_MS = 500
PARTITION_FETCH_BYTES = 1 << 20
FETCH_MAX_BYTES = 8 << 20
"""One answer of a broker, for all partitions: more would wait in memory, and be read no sooner."""


class StepConsumer(driver.Consumer):  # type: ignore[misc]
    """A consumer of several steps; `app.runners` are they."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finished: dict[TP, int] = {}
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._resumed = asyncio.Event()

    def _new_consumer_thread(self) -> StepConsumerThread:
        return StepConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- positions

    async def perform_seek(self) -> None:
        """Go to the committed positions, or to where an outcome is kept where that is behind."""
        committed = await self.committed()
        positions = {tp: offset or 0 for tp, offset in committed.items()}
        for runner in self.app.runners:
            kept = await runner.kept()
            if kept is not None:
                for tp in [tp for tp in positions if tp.topic in runner.topics]:
                    positions[tp] = min(positions[tp], kept.get(tp, 0))
        self._finished = {}
        self._committed_offset.clear()
        self._committed_offset.update(committed)
        await self._thread.seek_to(positions)

    @property
    def finished(self) -> dict[TP, int]:
        """The next offset after what the steps have finished, by partition."""
        return dict(self._finished)

    async def committed(self) -> dict[TP, int | None]:
        """Ask the broker for the committed positions of what is assigned."""
        found: dict[TP, int | None] = await self._thread.committed(self.assignment())
        return found

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        del topics
        return iter(list(self._finished))

    def _new_offset(self, tp: TP) -> int | None:
        return self._finished.get(tp)

    # -- rebalances

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch from these partitions."""
        super().resume_partitions(tps)
        self._resumed.set()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go of partitions; what was finished of them is committed by then, or never."""
        await super().on_partitions_revoked(revoked)
        self._finished = {}

    async def wait_empty(self) -> None:
        """Wait for the batches in flight, and commit them."""
        for runner in self.app.runners:
            runner.interrupt()
        await self._idle.wait()
        await self.commit_and_end_transactions()

    # -- fetching

    async def _drain_messages(self, fetcher: Service) -> None:
        loops = [asyncio.ensure_future(self._feed(fetcher, runner)) for runner in self.app.runners]
        try:
            await asyncio.gather(*loops)
        except ConsumerStoppedError:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError as error:
            # Not by whoever stops us: Faust would take it for a stop, and nothing would flow.
            if not _is_being_cancelled():
                raise RuntimeError("a step was cancelled from within") from error
            raise
        finally:
            for loop in loops:
                loop.cancel()

    async def _feed(self, fetcher: Service, runner: Runner) -> None:
        """Fetch for one step until told to stop. What it raises ends the worker, unacked."""
        while not (self.should_stop or fetcher.should_stop):
            if not self.flow_active:
                await self.wait(self.can_resume_flow)
                continue
            own = {tp for tp in self._get_active_partitions() if tp.topic in runner.topics}
            if not own:
                self._resumed.clear()
                await self.wait(self._resumed)
                continue
            generation = self.app.consumer_generation_id
            fetched = await self._thread.fetch(own, self.app.batch_size, generation)
            if not self.flow_active or self.app.consumer_generation_id != generation:
                continue
            self._in_flight += 1
            self._idle.clear()
            try:
                await self._process(runner, own, fetched)
            except InterruptedRunError:
                await self.wait(self.suspend_flow)
            finally:
                self._in_flight -= 1
                if not self._in_flight:
                    self._idle.set()

    async def _process(
        self, runner: Runner, own: set[TP], fetched: Mapping[TP, Sequence[Record]]
    ) -> None:
        """Run a step on what was fetched, and note how far it has come.

        The position goes past the markers of transactions, which are no records: one that
        stopped at the last record would never reach the end of the log.
        """
        positions = self._thread.positions(own)
        batch: dict[int, list[Record]] = {}
        for tp, records in fetched.items():
            batch.setdefault(tp.partition, []).extend(records)
        if batch:
            await runner.run(batch)
        else:
            await runner.idle()
        self._finished.update(positions)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


class StepConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread in which aiokafka's consumer lives."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor
        consumer = aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_bytes=FETCH_MAX_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            check_crcs=False,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials),
        )
        pace(consumer._client)  # noqa: SLF001
        return consumer

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int | None]:
        """Return the committed position of each partition; None where there is none."""

        async def ask(consumer: aiokafka.AIOKafkaConsumer) -> dict[TP, int | None]:
            return {tp: await consumer.committed(_kafka(tp)) for tp in tps}

        found: dict[TP, int | None] = await self.call_thread(ask, self._ensure_consumer())
        return found

    async def seek_to(self, positions: Mapping[TP, int]) -> None:
        """Go to these positions."""

        async def seek(consumer: aiokafka.AIOKafkaConsumer) -> None:
            for tp, offset in positions.items():
                consumer.seek(_kafka(tp), offset)

        await self.call_thread(seek, self._ensure_consumer())

    async def fetch(self, tps: Iterable[TP], most: int, generation: int) -> dict[TP, list[Record]]:
        """Fetch at most so many records of these partitions; wait a second for the first.

        Nothing is returned where the group has another generation by then.
        """
        coroutine = self._fetch_or_put_back({_kafka(tp) for tp in tps}, most, generation)
        fetched = await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(coroutine, self.thread_loop)
        )
        return {
            TP(*tp): [_record(record) for record in records]
            for tp, records in fetched.items()
            if records
        }

    async def _fetch_or_put_back(
        self, tps: set[aiokafka.TopicPartition], most: int, generation: int
    ) -> dict[aiokafka.TopicPartition, list[aiokafka.ConsumerRecord]]:
        """Fetch; put back what comes after a rebalance to who asked before it.

        A rebalance can be over before a waiting fetch returns. What it returns then lies behind
        the positions that were sought: dropped, it would never come again.
        """
        consumer = self._ensure_consumer()
        fetched: dict[aiokafka.TopicPartition, list[aiokafka.ConsumerRecord]]
        try:
            fetched = await self._fetch_records(
                consumer, tps, timeout=FETCH_TIMEOUT_SECONDS, max_records=most
            )
        except NoOffsetForPartitionError:
            if self.consumer.flow_active and self.app.consumer_generation_id == generation:
                raise
            return {}  # a rebalance came meanwhile, and positions have not been sought yet
        if self.app.consumer_generation_id == generation:
            return fetched
        for tp, records in fetched.items():
            if records and tp in consumer.assignment():
                consumer.seek(tp, records[0].offset)
        return {}

    def positions(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Return the next offset that each partition would be fetched from."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment  # noqa: SLF001
        states = {tp: assignment.state_value(_kafka(tp)) for tp in tps}
        return {
            tp: state.position
            for tp, state in states.items()
            if state is not None and state.has_valid_position
        }


def _record(record: aiokafka.ConsumerRecord) -> Record:
    return Record(
        record.topic, record.offset, record.key, record.value, record.timestamp, record.headers
    )


def _kafka(tp: TP) -> aiokafka.TopicPartition:
    return aiokafka.TopicPartition(tp.topic, tp.partition)


class StepTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with that consumer."""

    Consumer = StepConsumer
