"""Keeps a public topic of Tonnage as a table: an example of a consumer.

It needs kafka-python and jsonschema, and the schemas beside it:

    python consumer.py --servers localhost:9092 --topic training.weekly-stats.v1 --out weeks.jsonl

What the rules are, and why, is in topics.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from kafka import KafkaConsumer, TopicPartition

SCHEMAS = Path(__file__).with_name("schemas")
POLL_MS = 500

Version = tuple[int, int]


class Table:
    """The newest value of each key of a topic."""

    def __init__(self, topic: str, schemas: Path = SCHEMAS) -> None:
        folder = schemas / topic
        self._key = _validator(folder / "key.json")
        self._value = _validator(folder / "value.json")
        self._headers = _validator(folder / "headers.json")
        self._versions: dict[str, Version] = {}
        self.rows: dict[str, str] = {}

    def apply(self, key: bytes, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> bool:
        """Take a message; return whether the table is another one now.

        A message below the version that is held comes late and says nothing new. So versions are
        kept of what is gone, too. Raises jsonschema.ValidationError.
        """
        of_message = {name: text.decode() for name, text in headers}
        self._headers.validate(of_message)
        self._key.validate(_read(key))
        name, version = key.decode(), _version(of_message["version"])
        if version < self._versions.get(name, (0, 0)):
            return False
        self._versions[name] = version
        if value is None:  # a tombstone
            return self.rows.pop(name, None) is not None
        self._value.validate(_read(value))
        before, self.rows[name] = self.rows.get(name), value.decode()
        return before != self.rows[name]

    def lines(self) -> Iterator[str]:
        """Yield the rows as JSON, in the order of their keys, numbers as they were sent."""
        for key, value in sorted(self.rows.items()):
            yield f'{{"key":{key},"value":{value}}}\n'


def _validator(path: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(path.read_text()))


def _read(text: bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def _version(text: str) -> Version:
    epoch, offset = text.split(".")
    return int(epoch), int(offset)


def follow(servers: str, topic: str, table: Table) -> Iterator[Table]:
    """Read a topic from its start and go on for ever.

    Yields the table whenever it has all that was there and is another one than before.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,  # the table is in memory: each start begins at the start
        auto_offset_reset="none",  # a position that is not there any more is an error, no jump
    )
    found = consumer.partitions_for_topic(topic)
    if not found:
        raise SystemExit(f"consumer: there is no topic {topic} on {servers}")
    partitions = [TopicPartition(topic, number) for number in found]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    told = False
    while True:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            for each in records:
                told &= not table.apply(each.key, each.value, each.headers)
        if not told:
            ends = consumer.end_offsets(partitions)
            if all(consumer.position(each) >= ends[each] for each in partitions):
                told = True
                yield table


def main() -> None:
    """Follow a topic, and keep its rows in a file."""
    parser = argparse.ArgumentParser(description="Keep a public topic of Tonnage as a table.")
    parser.add_argument("--servers", required=True, help="Kafka brokers, host:port")
    parser.add_argument("--topic", default="training.weekly-stats.v1")
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--once", action="store_true", help="end when all that is there is read")
    given = parser.parse_args()
    for table in follow(given.servers, given.topic, Table(given.topic)):
        draft = given.out.with_suffix(".new")
        draft.write_text("".join(table.lines()))
        draft.replace(given.out)
        if given.once:
            return


if __name__ == "__main__":
    main()
