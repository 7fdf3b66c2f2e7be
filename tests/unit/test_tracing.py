"""Which changes are traced, and the spans that tell of them."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest

from stream.engine.measured import MeasuredRunner, MeasuredStep
from stream.steps.step import Message, Record
from stream.tracing import Span, Tracer, as_of_lsns, otlp, trace_id
from tests.unit.test_figures import Recorded

US = 1_795_393_948_056_769


class Collector:
    """What takes spans."""

    def __init__(self) -> None:
        self.posts: queue.Queue[tuple[str, Any]] = queue.Queue()
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.put((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                del format, args

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def spans(self, seconds: float = 20) -> list[dict[str, Any]]:
        """Return the spans of the next post."""
        path, body = self.posts.get(timeout=seconds)
        assert path == "/v1/traces"
        found: list[dict[str, Any]] = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def event(lsn: int, text: str = "") -> bytes:
    source = {"version": "3", "ts_us": US, "sequence": '["1","2"]', "lsn": lsn}
    after = {"id": 1, "name": text}
    return msgspec.json.encode({"after": after, "source": source, "op": "u", "ts_us": US + 999})


def value(lsn: str) -> bytes:
    return b'{"name":"\\"lsn\\":\\"0/1\\"","as_of":{"time":"t","lsn":"%b"}}' % lsn.encode()


def test_a_change_is_traced_by_every_worker_or_by_none() -> None:
    few, all_of_them = Tracer("http://127.0.0.1:1", 0.1), Tracer("http://127.0.0.1:1", 1)
    lsns = range(1000, 11_000)
    assert all_of_them.traced(lsns) == set(lsns)
    assert Tracer("http://127.0.0.1:1", 0).traced(lsns) == set()
    assert few.traced(lsns) == Tracer("http://127.0.0.1:2", 0.1).traced(lsns)
    assert 800 < len(few.traced(lsns)) < 1200


def test_an_event_and_a_value_tell_their_change() -> None:
    tracer = Tracer("http://127.0.0.1:1", 1)
    batch = {
        0: [
            Record("rows", 7, b"k", event(4711, 'a "source":{"lsn":1} b'), 0),
            Record("rows", 8, b"k", None, 0),
            Record("rows", 9, b"k", b"\x93 no event", 0),
        ]
    }
    assert tracer.captured(batch) == {4711}
    assert as_of_lsns([value("0/1EE7B88"), None, b"{}"]) == {0x1EE7B88}


def test_a_step_and_the_sink_are_spans_of_one_trace(collector: Collector) -> None:
    tracer = Tracer(collector.url, 1)
    lsn, said = 0x1EE7B88, value("0/1EE7B88")
    step = MeasuredStep(Recorded(lambda: [Message("t", 0, b"k", said, 3)]), tracer)
    source = {0: [Record("src", 7, b"k", event(lsn), US // 1000 + 20)]}

    async def run() -> None:
        step.fold(source, {})
        await MeasuredRunner("route", Recorded(lambda: None), tracer, step).run(source)
        output = {0: [Record("t", 3, b"k", said, 0)]}
        await MeasuredRunner("sink", Recorded(lambda: None), tracer).run(output)

    asyncio.run(run())
    assert step.changes == set()
    spans = {span["name"]: span for span in collector.spans()}
    assert spans.keys() == {"capture", "route", "sink"}
    assert {span["traceId"] for span in spans.values()} == {trace_id(lsn)}
    assert "parentSpanId" not in spans["capture"]
    for name in ("route", "sink"):
        assert spans[name]["parentSpanId"] == spans["capture"]["spanId"]
    begin, end = (int(spans["capture"][f"{each}TimeUnixNano"]) for each in ("start", "end"))
    assert begin // 1_000_000 == US // 1000
    assert end // 1_000_000 == US // 1000 + 20


def test_a_span_is_otlp_in_json() -> None:
    [resource] = otlp([Span(5, "sink", 1.5, 2.0, {"records": 3})])["resourceSpans"]
    [span] = resource["scopeSpans"][0]["spans"]
    assert len(bytes.fromhex(span["traceId"])) == 16
    assert len(bytes.fromhex(span["spanId"])) == 8
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == ("1500000000", "2000000000")
    assert {"key": "tonnage.lsn", "value": {"intValue": "5"}} in span["attributes"]
    assert {"key": "tonnage.records", "value": {"intValue": "3"}} in span["attributes"]


def test_a_collector_that_is_away_holds_nothing_up() -> None:
    tracer = Tracer("http://127.0.0.1:1", 1)
    batch = {0: [Record("t", 3, b"k", b"", 0)]}
    for lsn in range(50_000):
        tracer.tell([lsn], "sink", 0.1, batch)
