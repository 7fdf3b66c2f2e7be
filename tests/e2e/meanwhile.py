"""What goes on all the while something is done: questions to the API, writes to the primary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import psycopg

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

W45 = "2026-W45"
PAUSE = 0.005
ASKING = 2


@contextmanager
def running(*bodies: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run these in threads of their own, until the event that they are given is set at the end."""
    over = threading.Event()
    threads = [threading.Thread(target=body, args=(over,)) for body in bodies]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in threads:
            each.join()


@contextmanager
def asked_meanwhile(pipeline: Pipeline, user: int) -> Iterator[Counter[str]]:
    """Ask the API as often as it answers; count the answers, and those that are wrong."""
    counted: list[Counter[str]] = []
    answers: Counter[str] = Counter()

    def ask(over: threading.Event) -> None:
        own: Counter[str] = Counter()
        counted.append(own)  # one a thread: adding to a shared one loses counts
        while not over.is_set():
            response = pipeline.ask(user, f"weeks/{W45}")
            own["all"] += 1
            own["failed"] += response.status_code != 200
            own["wrong"] += response.is_success and response.json()["total_volume"] != 2140
            own["stale"] += response.headers["Tonnage-Stale"] != "false"

    began = monotonic()
    try:
        with running(*[ask] * ASKING):
            yield answers
    finally:
        for own in counted:
            answers.update(own)
        answers["a second"] = round(answers["all"] / (monotonic() - began))


@contextmanager
def written_meanwhile(pipeline: Pipeline, lifter: Lifter) -> Iterator[None]:
    """Write another user's rows all the while, as the app does."""

    def write(over: threading.Event) -> None:
        with psycopg.connect(pipeline.settings.need("source_dsn"), autocommit=True) as connection:
            app, count = App(connection), 0
            user = app.user()
            while not over.wait(PAUSE * 10):
                count += 1
                workout = app.workout(user, f"2026-0{1 + count % 9}-11T18:00Z")
                app.performed(workout, lifter.squat, f"[{count % 10}]", "[100.5]")

    with running(write):
        yield
