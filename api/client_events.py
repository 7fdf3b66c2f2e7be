"""Server-sent events of `live` as a client reads them, and reads on after a lost connection."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import httpx
import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from api.client_errors import TooManyRequestsError, UnavailableError, UnreachableError, refused
from api.freshness import Meta
from api.live import LAST_EVENT_ID
from api.models import WeekStats

_SILENCE_SECONDS = 60.0
"""After that long without even a sign of life, of which there is one every 15 s, it is lost."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything has been sent up to here."""

    id: str
    meta: Meta


@dataclass(frozen=True, slots=True)
class Changed:
    """A week as it is now."""

    id: str
    week: WeekStats


@dataclass(frozen=True, slots=True)
class Gone:
    """A week that has no workout any more."""

    id: str
    user_id: int
    week: str


@dataclass(frozen=True, slots=True)
class Reset:
    """The figures were built anew: what is held must be asked for again."""

    id: str
    meta: Meta


Event = Ready | Changed | Gone | Reset


class _Told(msgspec.Struct, frozen=True):
    meta: Meta


class _Key(msgspec.Struct, frozen=True):
    user_id: int
    week: str


def follow(
    http: httpx.Client, path: str, last_event_id: str | None
) -> Generator[Event, None, None]:
    """Go through the events after an id; a lost connection is made again, ever more patiently."""
    while True:
        for event in _reconnected(http, path, last_event_id):
            last_event_id = event.id
            yield event


def _reconnected(http: httpx.Client, path: str, last_event_id: str | None) -> Iterator[Event]:
    """Connect, however often it takes, and go through the events until that connection is lost."""
    lost = (UnreachableError, UnavailableError, TooManyRequestsError)
    connecting = Retrying(
        retry=retry_if_exception_type(lost),
        wait=wait_exponential(multiplier=0.25, max=10),
        before_sleep=_say,
    )
    events, first = connecting(_connected, http, path, last_event_id)
    yield first
    try:
        yield from events
    except UnreachableError as error:
        log.info("live: the connection is made again: %s", error)


def _say(state: RetryCallState) -> None:
    if state.outcome is not None:
        log.info("live: trying again: %s", state.outcome.exception())


def _connected(
    http: httpx.Client, path: str, last_event_id: str | None
) -> tuple[Iterator[Event], Event]:
    """Connect, and return the events and the first of them, which comes at once."""
    events = _events(http, path, last_event_id)
    first = next(events, None)
    if first is None:
        raise UnreachableError("the API ended the stream before its first event")
    return events, first


def _events(http: httpx.Client, path: str, last_event_id: str | None) -> Iterator[Event]:
    """Go through the events of one connection."""
    headers = {} if last_event_id is None else {LAST_EVENT_ID: last_event_id}
    timeout = httpx.Timeout(**http.timeout.as_dict() | {"read": _SILENCE_SECONDS})
    try:
        with http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.status_code != HTTPStatus.OK:
                response.read()
                raise refused(response)
            yield from map(_event, _blocks(response.iter_bytes()))
    except httpx.HTTPError as error:
        raise UnreachableError(f"the API at {http.base_url} fails: {error}") from error


def _blocks(chunks: Iterable[bytes]) -> Iterator[dict[bytes, bytes]]:
    """Go through the fields of each event, as this API writes them; signs of life have none."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        for block in whole:
            lines = [line for line in block.split(b"\n") if not line.startswith(b":")]
            if lines:
                yield dict(_field(line) for line in lines)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b": ")
    return name, value


def _event(fields: dict[bytes, bytes]) -> Event:
    name, data, event_id = fields[b"event"], fields[b"data"], fields[b"id"].decode()
    if name == b"week":
        return Changed(event_id, msgspec.json.decode(data, type=WeekStats))
    if name == b"gone":
        gone = msgspec.json.decode(data, type=_Key)
        return Gone(event_id, gone.user_id, gone.week)
    kind = Ready if name == b"ready" else Reset
    return kind(event_id, msgspec.json.decode(data, type=_Told).meta)
