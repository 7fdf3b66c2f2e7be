"""Asking the workers to judge bad rows anew, and waiting for what becomes of them.

What is asked is a record in a topic of each generation, in the partition where route keeps the
row's state. Route judges what it holds itself; nothing of the list is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psycopg
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from infra.errors import TonnageError
from infra.quarantine import Entry, read, statement, step_that_failed
from infra.source import failed
from stream.admin import TopicsError, kafka_admin
from stream.brokers import Brokers
from stream.generations import LIVE, Generation, State, check, differing, generations
from stream.names import Topics
from stream.settings import Settings
from stream.steps.wire import Retry, encode
from stream.topics import prepare_topics
from stream.topology import steps_of
from stream.unreached import why

Offsets = Mapping[tuple[str, int], int]
Connection = psycopg.Connection[Any]

_POLL_SECONDS = 0.05
_SEND_SECONDS = 30


@dataclass(frozen=True)
class Outcome:
    """What became of a row: why it is still left out, or None where it is not any more."""

    topic: str
    key: str
    reason: str | None


def retry(settings: Settings, entries: Collection[Entry], seconds: float) -> list[Outcome]:
    """Have rows judged anew in every live generation; return what became of them in the serving.

    Raises TonnageError where that is not answered within so many seconds.
    """
    deadline = monotonic() + seconds
    try:
        with psycopg.connect(settings.need("read_store_dsn"), autocommit=True) as connection:
            for each in _addressed(connection, settings):
                own, topics = prepare_topics(settings, each)
                sent = _ask(own, topics, _to_judge(connection, each, topics, entries))
                if each.state == State.SERVING:
                    _wait(_Progress(connection, own, topics), sent, deadline)
            left = {(each.topic, each.key): each.reason for each in read(connection, settings)}
    except psycopg.Error as error:
        raise failed("asking for rows to be judged anew", error) from error
    return [Outcome(each.topic, each.key, left.get((each.topic, each.key))) for each in entries]


def _addressed(connection: Connection, settings: Settings) -> Iterator[Generation]:
    """Go through the live generations, but for one that is built with other settings than ours.

    Such a one has other partitions, maybe, and is new: it judges by the rules of the day.
    Raises SettingsError where that is the one that serves.
    """
    for each in generations(connection):
        if each.state == State.SERVING:
            check(settings, each)
        if each.state in LIVE and not differing(settings, each):
            yield each


def _to_judge(
    connection: Connection, generation: Generation, topics: Topics, entries: Iterable[Entry]
) -> Iterator[tuple[str, str, int]]:
    """Go through the rows that a generation has on its own list: topic, key, partition.

    Another generation may be fed by other topics, which hold the same tables' rows.
    """
    wanted = {(each.topic.rpartition(".")[2], each.key) for each in entries}
    text = statement("to_judge").replace("{schema}", generation.schema)
    for topic, key, partition, reason in connection.execute(text.encode()).fetchall():
        of_source = topic in topics.source.all and step_that_failed(reason) is None
        if of_source and (topic.rpartition(".")[2], key) in wanted:
            yield topic, key, partition


def _ask(settings: Settings, topics: Topics, rows: Iterable[tuple[str, str, int]]) -> Offsets:
    """Send a request for each row; return, by partition, the offset after the last one."""
    brokers = Brokers.of(settings)
    try:
        with closing(KafkaProducer(**brokers.client, acks="all")) as producer:
            sending = [
                producer.send(
                    topics.requests, encode(Retry(topic)), key=key.encode(), partition=partition
                )
                for topic, key, partition in rows
            ]
            sent = [each.get(_SEND_SECONDS) for each in sending]
    except KafkaError as error:
        raise TopicsError(
            f"Kafka at {brokers.servers} takes no request: {why(brokers, error)}"
        ) from error
    return {(topics.requests, each.partition): each.offset + 1 for each in sent}


@dataclass(frozen=True)
class _Progress:
    """How far a generation is, by the broker's and the read store's word."""

    connection: Connection
    settings: Settings
    topics: Topics

    def committed(self, admin: KafkaAdminClient) -> Offsets:
        """Return up to where the steps have processed their topics."""
        found = admin.list_group_offsets(self.topics.group)[self.topics.group]
        return {(tp.topic, tp.partition): meta.offset for tp, meta in found.items()}

    def ends(self, admin: KafkaAdminClient, names: Iterable[str]) -> Offsets:
        """Return where topics end now."""
        wanted = [TopicPartition(n, p) for n in names for p in range(self.topics.partitions)]
        found = admin.list_partition_offsets(dict.fromkeys(wanted, OffsetSpec.LATEST))
        return {(tp.topic, tp.partition): each.offset for tp, each in found.items()}

    def kept(self) -> Offsets:
        """Return up to where the read store has the outputs."""
        query = f"SELECT topic, partition, next_offset FROM {self.topics.schema}.position"  # noqa: S608 - our own name
        rows = self.connection.execute(query.encode()).fetchall()
        return {(topic, partition): end for topic, partition, end in rows}


def _wait(progress: _Progress, sent: Offsets, deadline: float) -> None:
    """Wait until what was asked has passed every step, and what follows is in the read store.

    As for the frontier: the ends of a log are taken once the step before has committed, and
    a commit means that its outputs are there.
    """
    with kafka_admin(progress.settings) as admin:
        wanted = sent
        steps = steps_of(progress.settings, progress.topics)
        for number, step in enumerate(steps):
            _until_past(lambda: progress.committed(admin), wanted, step.name, deadline)
            following = (
                steps[number + 1].topics if step is not steps[-1] else progress.topics.public
            )
            wanted = progress.ends(admin, following)
        _until_past(progress.kept, wanted, "sink", deadline)


def _until_past(
    positions: Callable[[], Offsets], ends: Offsets, step: str, deadline: float
) -> None:
    def passed() -> bool:
        now = positions()
        return all(now.get(tp, 0) >= end for tp, end in ends.items())

    try:
        Retrying(
            stop=stop_after_delay(max(deadline - monotonic(), 0)),
            wait=wait_fixed(_POLL_SECONDS),
            retry=retry_if_result(lambda met: not met),
        )(passed)
    except RetryError as error:
        raise TonnageError(
            f"the rows were asked for, and {step} has not answered in time: they will be judged"
            " once it does. `tonnage stream status` says what stands still"
        ) from error
