"""What goes on all the while something is done: questions to the API, writes to the primary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from itertools import cycle
from time import monotonic

import httpx
import psycopg

from tests.e2e.app import App
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline

W45 = "2026-W45"
PAUSE = 0.005
ASKING = 4
LEAST_A_SECOND = 50
"""Answers a second that a machine gives which does much else, too: on one that is idle there are
some hundreds, so that 200 are no more than what is asked. Fewer would be no load at all."""
RANGE = {"start": "2026-W45", "end": "2026-W46"}


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


def week(client: httpx.Client, user: int) -> tuple[httpx.Response, bool]:
    """Ask for a week, and tell whether the figure is that of before."""
    response = client.get(f"/v1/users/{user}/weeks/{W45}")
    return response, response.is_success and response.json()["total_volume"] == 2140


def weeks(client: httpx.Client, user: int) -> tuple[httpx.Response, bool]:
    """Ask for two weeks."""
    response = client.get(f"/v1/users/{user}/weekly-volume", params=RANGE)
    found = response.json()["weekly_volumes"] if response.is_success else []
    return response, [each["totalVolume"] for each in found] == [2140, 900]


def is_harmed(response: httpx.Response) -> bool:
    """Tell whether an answer says that something is wrong, but for being late on a busy machine."""
    reasons = (response.json()["meta"].get("reason") or "").split("; ")
    return any(each and "behind the source" not in each for each in reasons)


Question = Callable[[httpx.Client, int], tuple[httpx.Response, bool]]


@contextmanager
def asked_meanwhile(
    pipeline: Pipeline, user: int, questions: Sequence[Question] = (week, weeks)
) -> Iterator[Counter[str]]:
    """Ask the API as often as it answers, as several clients; count the answers, and what is wrong.

    An answer that is empty is wrong: what is asked for was there before.
    """
    counted: list[Counter[str]] = []
    answers: Counter[str] = Counter()

    def ask(over: threading.Event) -> None:
        own: Counter[str] = Counter()
        counted.append(own)  # one a thread: adding to a shared one loses counts
        http = pipeline.http
        with httpx.Client(
            base_url=http.base_url, headers=http.headers, timeout=60, trust_env=False
        ) as client:
            asked = cycle(questions)
            while not over.is_set():
                response, right = next(asked)(client, user)
                own["all"] += 1
                own["failed"] += response.status_code != HTTPStatus.OK
                own["wrong"] += response.is_success and not right
                stale = response.headers["Tonnage-Stale"] != "false"
                own["harmed"] += stale and response.is_success and is_harmed(response)

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
