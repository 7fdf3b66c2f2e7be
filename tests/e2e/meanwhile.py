"""What goes on all the while something is done: questions to the API, writes to the primary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
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
def asked_meanwhile(pipeline: Pipeline, user: int) -> Iterator[Counter[str]]:
    """Ask the API as often as it answers; count the answers, and those that are wrong."""
    over = threading.Event()
    answers: Counter[str] = Counter()

    def ask() -> None:
        while not over.is_set():
            response = pipeline.ask(user, f"weeks/{W45}")
            answers["all"] += 1
            answers["failed"] += response.status_code != 200
            answers["wrong"] += response.is_success and response.json()["total_volume"] != 2140
            answers["stale"] += response.headers["Tonnage-Stale"] != "false"

    asking = [threading.Thread(target=ask) for _ in range(ASKING)]
    began = monotonic()
    for each in asking:
        each.start()
    try:
        yield answers
    finally:
        over.set()
        for each in asking:
            each.join()
        answers["a second"] = round(answers["all"] / (monotonic() - began))


@contextmanager
def written_meanwhile(pipeline: Pipeline, lifter: Lifter) -> Iterator[None]:
    """Write another user's rows all the while, as the app does."""
    over = threading.Event()

    def write() -> None:
        with psycopg.connect(pipeline.settings.need("source_dsn"), autocommit=True) as connection:
            app, count = App(connection), 0
            user = app.user()
            while not over.wait(PAUSE * 10):
                count += 1
                workout = app.workout(user, f"2026-0{1 + count % 9}-11T18:00Z")
                app.performed(workout, lifter.squat, f"[{count % 10}]", "[100.5]")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        over.set()
        writing.join()
