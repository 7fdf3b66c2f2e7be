"""`tonnage up`, `down` and `status` on real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from infra import stack as stack_commands
from infra.errors import TonnageError
from infra.home import Home
from infra.services.part import TONNAGE
from infra.stack import down
from infra.supervision import MARK, Supervisor
from stream.settings import Settings
from tests.conftest import tonnage

pytestmark = pytest.mark.stack

Up = Callable[..., dict[str, Any]]


def processes(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def parts(home: Path) -> dict[str, dict[str, Any]]:
    shown = json.loads(tonnage(home, "status", "--json").stdout)
    return {part["name"]: part for part in shown["parts"]}


def part(home: Path, name: str) -> stack_commands.PartStatus:
    (found,) = [each for each in stack_commands.status(Home.at(home)) if each.name == name]
    return found


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    polled = retry(
        retry=retry_if_result(lambda met: not met),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(seconds),
        retry_error_callback=lambda _: False,
    )
    return bool(polled(condition)())


def stack_file(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "stack.json").read_text())
    return found


def test_the_stack_file_names_every_address_and_only_its_owner_reads_it(stack: Settings) -> None:
    found = stack_file(stack.home)
    assert {
        "source_dsn", "read_store_dsn", "bootstrap_servers", "connect_url", "api_url",
        "api_admin_token", "worker_pids", "home",
    } <= found.keys()  # fmt: skip
    assert found["home"] == str(stack.home)
    assert stat.S_IMODE((stack.home / "stack.json").stat().st_mode) == 0o600


def test_status_shows_every_part_running(stack: Settings) -> None:
    shown = parts(stack.home)
    assert shown.keys() == {"primary", "kafka", "connect", "read-store", "watch", "worker_0", "api"}
    assert {part["state"] for part in shown.values()} == {"running"}
    assert sum(part["memory_mib"] for part in shown.values()) < 3 * 1024


def test_the_api_takes_the_admin_token(stack: Settings) -> None:
    url = f"{stack.need('api_url')}/v1/users/1/weekly-volume"
    bearer = {"Authorization": f"Bearer {stack.need('api_admin_token')}"}
    assert httpx.get(url).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(url, headers=bearer).status_code != httpx.codes.UNAUTHORIZED


def test_a_killed_worker_is_started_again_and_its_new_pid_is_told(stack: Settings) -> None:
    (before,) = stack_file(stack.home)["worker_pids"]
    restarts = part(stack.home, "worker_0").restarts
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: stack_file(stack.home)["worker_pids"] not in ([before], []))
    assert eventually(lambda: part(stack.home, "worker_0").state == "running")
    assert part(stack.home, "worker_0").restarts == restarts + 1
    assert tonnage(stack.home, "up").returncode == 0  # waits until it has its partitions again


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Up:
    """`tonnage up --only ...` in this process, which is quicker."""

    def up(home: Path, *kinds: str, **settings: str) -> dict[str, Any]:
        with monkeypatch.context() as environment:
            for name, value in {**settings, "TONNAGE_HOME": str(home)}.items():
                environment.setenv(name, value)
            return stack_commands.up(Home.at(home), kinds)

    return up


def works(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_up_changes_nothing(home: Path, start: Up) -> None:
    before = start(home, "read-store"), part(home, "read-store").pid
    again = start(home, "read-store"), part(home, "read-store").pid
    assert {**again[0], "api_admin_token": ""} == {**before[0], "api_admin_token": ""}
    assert again[1] == before[1]


def test_data_and_address_outlive_a_stop_and_nothing_runs_meanwhile(home: Path, start: Up) -> None:
    dsn = start(home, "read-store")["read_store_dsn"]
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
    assert down(Home.at(home)) == ["read-store"]
    assert processes(home) == []
    assert not (home / "stack.json").exists()
    assert start(home, "read-store")["read_store_dsn"] == dsn
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT * FROM kept").fetchall() == [(1,)]


def test_two_stacks_run_side_by_side_and_purge_deletes_one(home: Path, start: Up) -> None:
    homes = [home / "one", home / ("long-" * 20)]  # too long for a socket's path
    first, second = (start(each, "read-store")["read_store_dsn"] for each in homes)
    assert works(first)
    assert works(second)
    down(Home.at(homes[0]), purge=True)
    assert not homes[0].exists()
    assert works(second)
    down(Home.at(homes[1]), purge=True)
    assert not Home.at(homes[1]).socket.parent.exists()


def test_a_taken_port_is_named_and_what_ran_before_runs_on(home: Path, start: Up) -> None:
    dsn = start(home, "read-store")["read_store_dsn"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(TonnageError, match=f"{port} .* is taken.*TONNAGE_PRIMARY_PORT"):
            start(home, "primary", TONNAGE_PRIMARY_PORT=port)
    assert works(dsn)


def test_a_part_that_fails_is_named_with_the_end_of_its_log(home: Path, start: Up) -> None:
    start(home, "read-store")
    down(Home.at(home))
    with (home / "data/read-store/postgresql.auto.conf").open("a") as file:
        file.write("no_such_option = 1\n")
    with pytest.raises(TonnageError, match=r"(?s)read-store ended .*no_such_option"):
        start(home, "read-store", "primary")
    assert processes(home) == []


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let children be interrupted, though a run that was begun in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_running(home: Path, number: int) -> None:
    environment = {**os.environ, "TONNAGE_HOME": str(home)}
    command = [TONNAGE, "up", "--only", "kafka,connect"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as started:
        assert eventually((home / "logs/kafka.log").exists)
        started.send_signal(number)
        assert started.wait(timeout=60) == 130
    assert processes(home) == []


def test_parts_that_outlive_their_supervisor_are_swept_up(home: Path, start: Up) -> None:
    dsn = start(home, "read-store")["read_store_dsn"]
    supervisor = psutil.Process(int((home / "run/supervisor.pid").read_text()))
    supervisor.kill()
    assert eventually(lambda: not Supervisor(Home.at(home)).runs())
    start(home, "read-store")
    assert works(dsn)
    down(Home.at(home))
    assert processes(home) == []


def test_a_server_of_the_environment_is_used_and_not_started(home: Path, start: Up) -> None:
    dsn = start(home / "one", "read-store")["read_store_dsn"]
    found = start(home / "two", "read-store", TONNAGE_READ_STORE_DSN=dsn)
    assert found["read_store_dsn"] == dsn
    assert not (home / "two/data/read-store").exists()
    for each in ("one", "two"):
        down(Home.at(home / each))


def test_an_unknown_part_is_a_usage_error(home: Path) -> None:
    done = tonnage(home, "up", "--only", "zookeeper")
    assert done.returncode == 2
    assert "zookeeper" in done.stderr


def test_a_part_without_what_it_needs_is_refused(home: Path, start: Up) -> None:
    with pytest.raises(TonnageError, match="connect can't run without kafka"):
        start(home, "connect")


def test_status_says_that_nothing_runs(home: Path) -> None:
    done = tonnage(home, "status")
    assert done.returncode == 1
    assert "tonnage up" in done.stdout
