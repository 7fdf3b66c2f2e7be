from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import jwt
import psutil
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.integration.conftest import SECRET

DOWN = "postgresql://postgres:secret@127.0.0.1:1/tonnage"
TONNAGE = str(Path(sys.executable).with_name("tonnage"))


def environment(home: Path, **given: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TONNAGE_")}
    return clean | {"TONNAGE_HOME": str(home), "TONNAGE_JWT_SECRET": SECRET} | given


def tonnage(home: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TONNAGE, "api", *words],
        env=environment(home, **given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_token_names_its_user_and_ends(tmp_path: Path) -> None:
    done = tonnage(tmp_path, "token", "--user", "7", "--ttl", "60", "--json")
    answer = json.loads(done.stdout)
    claims = jwt.decode(answer["token"], SECRET, ["HS256"])
    assert (claims["sub"], claims["token_type"]) == ("7", "access")
    assert claims["exp"] - claims["iat"] == answer["expires_in"] == 60
    assert "scope" not in claims


def test_an_administrators_token(tmp_path: Path) -> None:
    done = tonnage(tmp_path, "token", "--admin", TONNAGE_JWT_USER_CLAIM="user_id")
    claims = jwt.decode(done.stdout.strip(), SECRET, ["HS256"])
    assert claims["scope"] == "admin"
    assert "user_id" not in claims


def test_a_token_for_nobody_is_wrong_usage(tmp_path: Path) -> None:
    done = tonnage(tmp_path, "token")
    assert done.returncode == 2
    assert "--user" in done.stderr


def test_without_a_secret_the_variable_is_named(tmp_path: Path) -> None:
    empty = {"TONNAGE_JWT_JWKS_URL": "http://127.0.0.1:1/keys"}
    done = subprocess.run(
        [TONNAGE, "api", "token", "--user", "7"],
        env={
            name: value
            for name, value in environment(tmp_path, **empty).items()
            if name != "TONNAGE_JWT_SECRET"
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "TONNAGE_JWT_SECRET is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = {"TONNAGE_API_PORT": port, "TONNAGE_READ_STORE_DSN": DOWN}
        done = tonnage(tmp_path, "run", **given)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "TONNAGE_API_PORT" in done.stderr
    assert SECRET not in done.stderr


@contextmanager
def served(
    home: Path, command: Sequence[str] = (TONNAGE, "api", "run"), **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    quiet = {"TONNAGE_READ_STORE_DSN": DOWN, "TONNAGE_LOG_LEVEL": "ERROR"}
    given = environment(home, **quiet | settings)
    with subprocess.Popen(
        command,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


@retry(
    retry=retry_if_exception_type(httpx.TransportError),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(20),
    reraise=True,
)
def alive(url: str) -> httpx.Response:
    return httpx.get(f"{url}/healthz", trust_env=False)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_api_says_where_it_answers_and_stops_cleanly(tmp_path: Path, sent: int) -> None:
    with served(tmp_path) as (process, url):
        assert alive(url).json() == {"status": "alive"}
        process.send_signal(sent)
        rest = process.communicate(timeout=20)[0]
    assert "Traceback" not in rest
    assert SECRET not in rest


def test_the_api_takes_the_sockets_that_its_clients_need(tmp_path: Path) -> None:
    few = ["bash", "-c", f"ulimit -Sn 256 && exec {TONNAGE} api run"]
    with served(tmp_path, few) as (process, url):
        assert alive(url).status_code == 200
        soft, hard = psutil.Process(process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == min(2000 + 512, hard)


def test_a_request_is_a_line_of_json_with_its_id(tmp_path: Path) -> None:
    given = {"TONNAGE_LOG": "json", "TONNAGE_LOG_LEVEL": "INFO"}
    with served(tmp_path, **given) as (process, url):
        alive(url)
        headers = {"X-Request-Id": "asked-1"}
        httpx.get(f"{url}/v1/users/me/streak", headers=headers, trust_env=False)
        process.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in process.communicate(timeout=20)[0].splitlines()]
    [answered] = [line for line in lines if line.get("path") == "/v1/users/me/streak"]
    assert answered["request_id"] == "asked-1"
    assert answered["status"] == 401
    assert answered["method"] == "GET"
    assert 0 < answered["seconds"] < 20
