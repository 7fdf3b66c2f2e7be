"""The list of bad rows, as the read store has it: whose they are, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import class_row

from infra.errors import TonnageError
from infra.source import failed
from stream.generations import serving_settings
from stream.names import SourceTopics
from stream.settings import Settings
from stream.topology import topics_of

Connection = psycopg.Connection[Any]

_FAILED = re.compile(r"(\w+) failed: ")
_BIGINT: Final = range(-(2**63), 2**63)


class _Event(msgspec.Struct):
    """What of a raw event tells whose row it is."""

    after: dict[str, Any] | None = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_key = msgspec.json.Decoder(dict[str, Any]).decode
_UNREADABLE = (msgspec.DecodeError, RecursionError)


@dataclass(frozen=True)
class Entry:
    """A bad row: where its event is, why it is left out, and the source's time of the event.

    `row_id`, `workout_id` and `user_id` are None where the event does not tell.
    """

    topic: str
    key: str
    partition: int
    offset: int
    reason: str
    event: str | None
    lsn: str | None
    since: datetime | None
    row_id: int | None = None
    workout_id: int | None = None
    user_id: int | None = None

    @property
    def failed_step(self) -> str | None:
        """The step that failed on it, if it is on the list for that: only a rebuild mends it."""
        return step_that_failed(self.reason)

    def named(self, topic: str, key: str) -> bool:
        """Say whether it is meant by a topic, or the name of its table, and a key or an id."""
        keys = [self.key] if self.row_id is None else [self.key, str(self.row_id)]
        return topic in (self.topic, self.topic.rpartition(".")[2]) and key in keys


def step_that_failed(reason: str) -> str | None:
    """Return the step whose failure is the reason; None for a row that is bad in itself."""
    found = _FAILED.match(reason)
    return found[1] if found else None


def statement(name: str) -> str:
    """Return an SQL statement of the list's."""
    return files("infra").joinpath(f"sql/quarantine/{name}.sql").read_text(encoding="utf-8")


def listed(settings: Settings, user: int | None = None) -> list[Entry]:
    """Return what is on the list, the oldest first; of one user, as far as that is known.

    Raises TonnageError where the read store has no list yet.
    """
    try:
        dsn = settings.need("read_store_dsn")
        with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
            found = read(connection, settings)
    except psycopg.errors.UndefinedTable as error:
        raise TonnageError(
            "the read store has no list yet: start a worker with `tonnage stream run`"
        ) from error
    except psycopg.Error as error:
        raise failed("reading the list of bad rows", error) from error
    return [each for each in found if user is None or each.user_id == user]


def read(connection: Connection, settings: Settings) -> list[Entry]:
    """Return what is on the list, with whose rows they are."""
    cursor = connection.cursor(row_factory=class_row(Entry))
    owners = _Owners(serving_settings(settings))
    found = [owners.tell(each) for each in cursor.execute(statement("listed").encode())]
    wanted = [each.workout_id for each in found if each.workout_id is not None]
    rows = connection.execute(statement("users").encode(), [wanted]).fetchall()
    users: dict[int | None, int] = dict(rows)
    return [
        replace(each, user_id=users.get(each.workout_id)) if each.user_id is None else each
        for each in found
    ]


def one(entries: Sequence[Entry], topic: str, key: str) -> Entry:
    """Return the entry that is meant. Raises TonnageError where there is none, or several."""
    found = [each for each in entries if each.named(topic, key)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise TonnageError(
            f"{key} of {topic} is not on the list: it has healed, or never was bad."
            " `tonnage stream quarantine list` shows what is"
        )
    keys = ", ".join(each.key for each in found)
    raise TonnageError(f"{key} of {topic} may be any of {keys}: give the key as it is listed")


class _Owners:
    """Tells from raw events whose rows they are; columns have the source's names."""

    def __init__(self, settings: Settings) -> None:
        self._source: SourceTopics = topics_of(settings, 0).source
        self._column = settings.column

    def tell(self, entry: Entry) -> Entry:
        """Add the ids that an event tells."""
        row_id = _only_id(entry.key)
        entry = replace(entry, row_id=row_id)
        after = _after(entry.event)
        if entry.topic == self._source.workout:
            user_id = self._of(after, "workout", "user_id")
            return replace(entry, workout_id=row_id, user_id=user_id)
        if entry.topic == self._source.performed:
            return replace(entry, workout_id=self._of(after, "performed", "workout_id"))
        if entry.topic == self._source.exercise:
            return replace(entry, user_id=self._of(after, "exercise", "owner_id"))
        return entry

    def _of(self, after: Mapping[str, Any], table: str, column: str) -> int | None:
        return _id(after.get(self._column(table, column)))


def _after(event: str | None) -> Mapping[str, Any]:
    """Return the row in an event; nothing where the event can't even be read."""
    if event is None:
        return {}
    try:
        return _decode_event(event).after or {}
    except _UNREADABLE:
        return {}


def _only_id(key: str) -> int | None:
    try:
        values = list(_decode_key(key).values())
    except _UNREADABLE:
        return None
    return _id(values[0]) if len(values) == 1 else None


def _id(value: object) -> int | None:
    return value if type(value) is int and value in _BIGINT else None
