"""docs/api.md: every command in it is run, and answered as it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.routes import LIVE, OF_USER, ROUTES
from api.security import make_token
from tests import debian
from tests.e2e.app import App
from tests.e2e.pipeline import Pipeline, until

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
TIMED_OUT = 28  # curl's --max-time, which ends `live`
REFUSED = 22  # curl's --fail-with-body


@dataclass(frozen=True)
class Example:
    """A command, and what it says; `kind` is json, http (a status and headers) or text."""

    language: str
    command: str
    kind: str
    said: str


def examples() -> list[Example]:
    blocks = BLOCK.findall(PAGE.read_text())
    return [
        Example(language, command, kind, said)
        for (language, command), (kind, said) in zip(blocks[::2], blocks[1::2], strict=True)
    ]


EXAMPLES = examples()


@pytest.fixture(scope="module")
def environment(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user who trains, and what the page's commands take."""
    if shutil.which("curl") is None:
        debian.install("curl")
    with psycopg.connect(pipeline.settings.need("source_dsn"), autocommit=True) as connection:
        user, squat = train(App(connection))
    pipeline.settle()
    with closing(pipeline.about(user).live()) as events:
        epoch = next(events).id.partition(".")[0]
    settings = tmp_path_factory.mktemp("curl")
    (settings / ".curlrc").write_text("fail-with-body\n")  # a refusal is a failure
    return os.environ | {
        "API": pipeline.settings.need("api_url"),
        "TOKEN": make_token(pipeline.settings, user),
        "EXERCISE": str(squat),
        "LAST": f"{epoch}.0",
        "CURL_HOME": str(settings),
    }


def train(app: App) -> tuple[int, int]:
    """Make the user of the page: 2140 in 2026-W45, 900 in W46, something this week and last."""
    user = app.user()
    squat, bench = app.exercise(user, "Squat", "legs"), app.exercise(user, "Bench", "chest")
    monday = app.workout(user, "2026-11-02T18:00Z")
    app.performed(monday, squat, "[10, 8]", "[100, 92.5]")
    app.performed(monday, bench, "[5]", "[80]")
    app.performed(monday, bench, '["x"]', "[80]")
    app.performed(app.workout(user, "2026-11-10T18:00Z"), squat, "[9]", "[100]")
    for days in (0, 7):
        workout = app.workout(user, (datetime.now(UTC) - timedelta(days=days)).isoformat())
        app.performed(workout, squat, f"[{5 + days}]", "[100]")
    return user, squat


@pytest.mark.stack
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.command.strip()[-60:])
def test_an_example_is_answered_as_the_page_says(
    pipeline: Pipeline, environment: dict[str, str], example: Example
) -> None:
    until(lambda: pipeline.http.get("/readyz").is_success, "answers that are fresh")
    done = subprocess.run(
        [*RUN[example.language], example.command],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    may_end = {0} | {"http": {REFUSED}, "text": {TIMED_OUT}}.get(example.kind, set())
    assert done.returncode in may_end, done.stdout + done.stderr
    if example.language == "python":
        assert {*example.said.splitlines()} <= {*done.stdout.splitlines()}
    holds = {"json": holds_json, "http": holds_http, "text": holds_text}[example.kind]
    holds(example.said, done.stdout.replace("\r\n", "\n"))


def holds_json(said: str, found: str) -> None:
    def covers(said: Any, found: Any, where: str) -> None:
        if isinstance(said, dict):
            assert isinstance(found, dict), where
            assert said.keys() <= found.keys(), where
            for name, each in said.items():
                covers(each, found[name], f"{where}.{name}")
        elif isinstance(said, list):
            assert isinstance(found, list), where
            for each in said:
                covers(each, found[0], f"{where}[0]")
        elif not {type(said), type(found)} <= {int, float}:  # 1740 and 1740.5 are both numbers
            assert type(said) is type(found), where

    covers(json.loads(said), json.loads(found), "")


def holds_http(said: str, found: str) -> None:
    head, _, body = said.partition("\n\n")
    found_head, _, found_body = found.partition("\n\n")
    status, *lines = head.strip().splitlines()
    found_status, *found_lines = found_head.splitlines()
    assert found_status.strip() == status
    names = {line.partition(":")[0].lower() for line in found_lines}
    assert {line.partition(":")[0].lower() for line in lines} <= names
    if body:
        holds_json(body, found_body)


def holds_text(said: str, found: str) -> None:
    """Find each line, up to its first digit or brace, at the beginning of one that was said."""
    for line in said.strip().splitlines():
        begin = re.split(r"[\d{]", line)[0]
        assert any(each.startswith(begin) for each in found.splitlines()), line


def test_every_path_is_on_the_page() -> None:
    commands = "\n".join(example.command for example in EXAMPLES)
    others = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/")
    for path in (*(route.path for route in ROUTES), LIVE, *others):
        filled = path.format(user_id="me", exercise_id="$EXERCISE", week="2026-W45")
        assert re.search(re.escape(f"$API{filled}") + r'[?"]', commands), path
    assert OF_USER.format(user_id="me") in commands
