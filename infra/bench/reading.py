"""Answers over HTTP, beside SQL by hand, beside what an app computes, beside HTTP alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import uvloop

from api.queries import WEEKLY_VOLUME
from api.spans import Span
from infra.bench.figure import Figure, Target, compare, percentile
from infra.bench.ground import Stage
from infra.bench.http_load import ask_for, request
from infra.bench.peers import orm
from infra.bench.population import ATHLETE
from infra.bench.suite import Bench, Run
from stream.domain.weeks import Week

ASK_SECONDS = 2.0
"""How long one client asks in a round."""
COMPUTED = 20
"""Questions of a round to who computes on read: each takes long."""
HALF_A_YEAR, FIVE_YEARS = 26, 260
LOAD_SECONDS = 3.0
MOST_SECONDS = 0.020
"""What 99 % of the answers may take at most, at the load that counts."""
CONNECTIONS = (1, 2, 4, 8, 16, 32)


def measure(run: Run) -> Iterator[Figure]:
    """Ask for weekly volumes over HTTP, and for the same rows by a warm connection, in turn."""
    found = run.shared()
    user = ATHLETE.ids[0]
    span = Span(_first_week(HALF_A_YEAR), Week.of(datetime.now(UTC)))
    arguments = {"user": user, **span.arguments()}
    halves: tuple[list[float], list[float]] = ([], [])
    tails: tuple[list[float], list[float]] = ([], [])
    with found.read_store() as connection:

        def fetch() -> None:
            connection.execute(WEEKLY_VOLUME.sql, arguments).fetchone()

        for _ in run.turns("reading"):
            answers = _asked_again_and_again(found, user, span.first)
            for number, seconds in enumerate((answers, _times(fetch, len(answers)))):
                halves[number].append(percentile(seconds, 50) * 1000)
                tails[number].append(percentile(seconds, 99) * 1000)
    peer = "the same statement on the read store, by a warm psycopg connection"
    yield compare("http-read-p50", Target(6.0, "lower", peer), halves, "ms", bench=READ.name)
    yield compare("http-read-p99", Target(None, "lower", peer), tails, "ms", bench=READ.name)


def measure_computed(run: Run) -> Iterator[Figure]:
    """Ask over HTTP, and let Django compute the same on the primary, or read what it has kept."""
    found = run.shared()
    orm.know("primary", found.settings.need("source_dsn"))
    user = ATHLETE.ids[0]
    with found.primary() as primary:
        primary.execute(orm.KEPT)
    orm.recalculate("primary", user)
    for weeks, must in ((HALF_A_YEAR, 8.0), (FIVE_YEARS, 40.0)):
        yield from _beside_django(run, found, user, weeks, must)


def _beside_django(run: Run, found: Stage, user: int, weeks: int, must: float) -> Iterator[Figure]:
    first = _first_week(weeks)
    since = datetime.combine(first.monday, datetime.min.time(), UTC)
    ours, computed, kept = [], [], []
    for _ in run.turns(f"compute on read, {weeks} weeks"):
        ours.append(percentile(_asked_again_and_again(found, user, first), 50) * 1000)
        times = _times(lambda: orm.weekly_volume("primary", user, since), COMPUTED)
        computed.append(percentile(times, 50) * 1000)
        times = _times(lambda: orm.kept_weekly_volume("primary", user, since), COMPUTED * 5)
        kept.append(percentile(times, 50) * 1000)
    name = f"compute-on-read-{weeks}-weeks"
    peer = "our answer over HTTP; how much longer Django takes to compute it on the primary"
    target = Target(must, "higher", peer)
    yield compare(name, target, (computed, ours), "ms", bench=COMPUTE.name)
    peer = "our answer over HTTP; how much longer Django takes to read what signals have kept"
    target = Target(None, "higher", peer)
    yield compare(f"kept-in-primary-{weeks}-weeks", target, (kept, ours), "ms", bench=COMPUTE.name)


def measure_requests(run: Run) -> Iterator[Figure]:
    """Load one API process, and an app that only answers the same bytes, as far as both bear it."""
    found = run.shared()
    url = urlsplit(found.settings.need("api_url"))
    assert url.hostname is not None  # noqa: S101 - `up` wrote it
    assert url.port is not None  # noqa: S101 - the same
    user, first = ATHLETE.ids[0], _first_week(HALF_A_YEAR)
    path = _path(user, first)
    token = found.settings.need("api_admin_token")
    body = found.api().get(path).content
    ours, bare = [], []
    with _bytes_app(body) as port:
        for _ in run.turns("requests"):
            ours.append(_bearable(url.hostname, url.port, path, token))
            bare.append(_bearable("127.0.0.1", port, path, token))
    target = Target(0.4, "higher", "an ASGI app that returns the same bytes")
    yield compare("requests", target, (ours, bare), "requests/s", bench=REQUESTS.name)


def _bearable(host: str, port: int, path: str, token: str) -> float:
    """Return the most requests a second of which 99 % are answered soon enough.

    A machine so busy that not even one client is, tells what that one gets.
    """
    best = 0.0
    for connections in CONNECTIONS:
        asked = ask_for(host, port, request(host, port, path, token), connections, LOAD_SECONDS)
        seconds = uvloop.run(asked)
        if percentile(seconds, 99) <= MOST_SECONDS or connections == CONNECTIONS[0]:
            best = max(best, len(seconds) / LOAD_SECONDS)
    return best


def _asked_again_and_again(found: Stage, user: int, first: Week) -> list[float]:
    """Return the seconds of each answer to one client that asks without a pause."""
    url = urlsplit(found.settings.need("api_url"))
    host, port = str(url.hostname), int(url.port or 0)
    asked = request(host, port, _path(user, first), found.settings.need("api_admin_token"))
    return uvloop.run(ask_for(host, port, asked, 1, ASK_SECONDS))


@contextmanager
def _bytes_app(body: bytes) -> Iterator[int]:
    """Run the app that only answers bytes; give its port."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(body)
        command = (sys.executable, "-m", "infra.bench.peers.bytes_app", file.name)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            try:
                yield int(process.stdout.readline())
            finally:
                process.terminate()


def _path(user: int, first: Week) -> str:
    return f"/v1/users/{user}/weekly-volume?start={first}&end={Week.of(datetime.now(UTC))}"


def _first_week(weeks: int) -> Week:
    return Week.of(datetime.now(UTC) - timedelta(weeks=weeks - 1))


def _times(ask: Callable[[], object], times: int) -> list[float]:
    seconds = []
    for _ in range(times):
        began = perf_counter()
        ask()
        seconds.append(perf_counter() - began)
    return seconds


READ = Bench("http-read", "weekly volumes of 26 weeks over HTTP", measure)
COMPUTE = Bench("compute-on-read", "the same, beside an app that computes it", measure_computed)
REQUESTS = Bench("requests", "requests/s of one API process at p99 < 20 ms", measure_requests)
