"""Traces of changes: OpenTelemetry spans from the event of a row to the read store, by setting.

A trace is a change of the source, and its id follows from the change's LSN. So each step can tell
what belongs together by what it handles anyway, and no message carries anything for it:

    capture      from the source's commit to the record in Kafka; the root
    ├ route, assemble, aggregate      the batches that took the change up
    └ sink                            until the read store has it and consumers are told

A batch takes many changes up, so the spans of a step are those of its batches. What is folded
into a value with a later change is traced by the later one. Spans go to an OTLP/HTTP collector as
JSON, all that is needed of OpenTelemetry here. They are dropped where it does not answer.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from typing import Any, NamedTuple

import httpx

from stream.cdc.lsn import parse_lsn
from stream.engine.runner import Fetched
from stream.steps.step import Record

log = logging.getLogger(__name__)

CAPTURE = "capture"
EVERY_SECONDS = 1.0
MOST_WAITING = 20_000
_ANSWER_SECONDS = 5.0

_SOURCE = re.compile(rb'"(lsn|ts_us)":(\d+)')
_AS_OF = re.compile(rb'"lsn":"([0-9A-F]+/[0-9A-F]+)"')


class Span(NamedTuple):
    """What was done for a change; times are seconds since 1970."""

    lsn: int
    name: str
    begin: float
    end: float
    attributes: dict[str, str | int]


def trace_id(lsn: int) -> str:
    """Return the id of a change's trace."""
    return blake2b(b"%d" % lsn, digest_size=16, person=b"tonnage-trace").hexdigest()


def _span_id(lsn: int, name: str) -> str:
    return blake2b(f"{lsn} {name}".encode(), digest_size=8).hexdigest()


class Tracer:
    """Sends the spans of a share of all changes, the same ones in every worker.

    Args:
        url: the collector's address, without a path.
        share: from 0 to 1.
    """

    def __init__(self, url: str, share: float) -> None:
        self._http = httpx.Client(base_url=url, timeout=_ANSWER_SECONDS, trust_env=False)
        self._below = int(share * 2**32)
        self._waiting: queue.Queue[Span] = queue.Queue(MOST_WAITING)
        threading.Thread(target=self._keep_sending, name="traces", daemon=True).start()

    def traced(self, lsns: Iterable[int]) -> set[int]:
        """Return those of some changes that are traced."""
        return {lsn for lsn in set(lsns) if int(trace_id(lsn)[:8], 16) < self._below}

    def tell(self, lsns: Iterable[int], name: str, seconds: float, batch: Fetched) -> None:
        """Say that a step has taken changes up with a batch that is done now."""
        end = time.time()
        records = sum(map(len, batch.values()))
        for lsn in self.traced(lsns):
            self._put(Span(lsn, name, end - seconds, end, {"records": records}))

    def captured(self, batch: Fetched) -> set[int]:
        """Say when the changes of source records were captured; return the changes' LSNs."""
        found = {lsn: (when, record) for lsn, when, record in _sources(batch)}
        for lsn in self.traced(found):
            when, record = found[lsn]
            place: dict[str, str | int] = {"topic": record.topic, "offset": record.offset}
            end = max(record.timestamp_ms / 1000, when)
            self._put(Span(lsn, CAPTURE, when, end, place))
        return set(found)

    def _put(self, span: Span) -> None:
        with suppress(queue.Full):  # the collector is away, or too slow
            self._waiting.put_nowait(span)

    def _keep_sending(self) -> None:
        while True:
            spans = [self._waiting.get()]
            time.sleep(EVERY_SECONDS)  # what comes meanwhile goes with it
            with suppress(queue.Empty):
                while True:
                    spans.append(self._waiting.get_nowait())
            try:
                self._http.post("/v1/traces", json=otlp(spans)).raise_for_status()
            except httpx.HTTPError as error:
                log.warning("%d spans are lost: %s", len(spans), error)


def otlp(spans: Iterable[Span]) -> dict[str, Any]:
    """Return spans as OTLP has them in JSON: ids in hexadecimal, 64-bit numbers as texts."""
    service = {"key": "service.name", "value": {"stringValue": "tonnage"}}
    scope = {"scope": {"name": "tonnage.stream"}, "spans": [_otlp(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [scope]}]}


def _otlp(span: Span) -> dict[str, Any]:
    attributes = {"lsn": span.lsn, **span.attributes}
    found = {
        "traceId": trace_id(span.lsn),
        "spanId": _span_id(span.lsn, span.name),
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": str(int(span.begin * 1e9)),
        "endTimeUnixNano": str(int(span.end * 1e9)),
        "attributes": [
            {
                "key": f"tonnage.{name}",
                "value": {"stringValue": value}
                if isinstance(value, str)
                else {"intValue": str(value)},
            }
            for name, value in attributes.items()
        ],
    }
    if span.name != CAPTURE:
        found["parentSpanId"] = _span_id(span.lsn, CAPTURE)
    return found


def _sources(batch: Fetched) -> Iterator[tuple[int, float, Record]]:
    """Yield the LSN and the source's time of each event of the source."""
    for records in batch.values():
        for record in records:
            _, is_event, tail = (record.value or b"").rpartition(b'"source":{')
            found = dict(_SOURCE.findall(tail.partition(b"}")[0])) if is_event else {}
            if b"lsn" in found and b"ts_us" in found:
                yield int(found[b"lsn"]), int(found[b"ts_us"]) / 1e6, record


def as_of_lsns(values: Iterable[bytes | None]) -> set[int]:
    """Return the LSNs of the `as_of` of output values."""
    found: set[int] = set()
    for value in values:
        texts = _AS_OF.findall(value or b"")
        if texts:
            found.add(parse_lsn(texts[-1].decode()))
    return found
