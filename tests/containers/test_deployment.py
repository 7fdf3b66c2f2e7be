"""From a row in the primary to the API's answer, every part a container of the compose file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed
from testcontainers.core.container import DockerContainer

from tests.containers.deployment import Deployment, address, tail, wait_well

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

PATIENCE = 120
ENDS_WITHIN = 30


@dataclass(frozen=True)
class Running:
    """The whole deployment, and a person in its primary."""

    deployment: Deployment
    workers: list[DockerContainer]
    watch: DockerContainer
    api: DockerContainer
    primary: psycopg.Connection[Any]
    user: int
    token: str

    def week(self) -> Decimal | None:
        """Ask the API for the person's one week; None while it has none."""
        answer = httpx.get(
            f"http://{address(self.api, 8000)}/v1/users/me/weekly-volume",
            params={"start": "2026-W10", "end": "2026-W10"},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        answer.raise_for_status()
        weeks = answer.json()["weekly_volumes"]
        return Decimal(str(weeks[0]["totalVolume"])) if weeks else None

    def until(self, volume: int) -> None:
        """Wait until the week has a volume; where it does not come, say what the stream does."""

        def failed(state: RetryCallState) -> None:
            found = state.outcome and state.outcome.result()
            status = self.deployment.run("stream", "status")
            pytest.fail(f"the week has {found}, not {volume}:\n{status}\n{tail(self.workers[1])}")

        Retrying(
            retry=retry_if_result(lambda found: found != volume),
            stop=stop_after_delay(PATIENCE),
            wait=wait_fixed(0.1),
            retry_error_callback=failed,
        )(self.week)

    def lift(self, weights: str) -> None:
        """Change what the person lifted."""
        self.primary.execute(
            "UPDATE workouts_performedexercise SET weights_per_set = %s", [weights]
        )


@pytest.fixture(scope="module")
def running(deployment: Deployment) -> Iterator[Running]:
    (primary, _, _) = deployment.start("primary", "read-store", "kafka")
    deployment.start("connect")
    deployment.run("connector", "apply")
    first, second, watch, api = deployment.start("worker", "worker", "watch", "api")
    dsn = f"postgresql://postgres:postgres@{address(primary, 5432)}/app"
    with psycopg.connect(dsn, autocommit=True) as connection:
        user = trained(connection)
        token = deployment.run("api", "token", "--user", str(user)).strip()
        yield Running(deployment, [first, second], watch, api, connection, user, token)


def trained(primary: psycopg.Connection[Any]) -> int:
    """Write a person, an exercise and a workout of 10 x 100, as the app would."""
    row = primary.execute(
        "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,"
        " is_staff, is_active, date_joined)"
        " VALUES ('', false, 'lifter', '', '', '', false, true, now()) RETURNING id"
    ).fetchone()
    assert row is not None
    primary.execute(
        'INSERT INTO exercise (id, name, muscle_group, category, level, "primaryMuscles",'
        ' "secondaryMuscles", instructions, images, is_custom)'
        " VALUES (1, 'Squat', 'legs', '', '', '[]', '[]', '[]', '[]', false)"
    )
    primary.execute(
        "INSERT INTO workouts_workout (id, date, name, total_volume, user_id)"
        " VALUES (1, '2026-03-04 10:00Z', 'Legs', 0, %s)",
        [row[0]],
    )
    primary.execute(
        "INSERT INTO workouts_performedexercise"
        " (sets, reps_per_set, weights_per_set, exercise_id, workout_id)"
        " VALUES (1, '[10]', '[100]', 1, 1)"
    )
    return int(row[0])


def test_a_row_of_the_primary_is_served_and_its_change_too(running: Running) -> None:
    running.until(1000)
    running.lift("[110]")
    running.until(1100)


def test_a_worker_is_killed_and_the_others_go_on(running: Running) -> None:
    killed, _ = running.workers
    killed.get_wrapped_container().kill("SIGKILL")
    running.lift("[120]")
    running.until(1200)
    killed.get_wrapped_container().start()
    wait_well(killed)
    running.lift("[130]")
    running.until(1300)


def test_every_figure_is_that_of_the_primary(running: Running) -> None:
    running.lift("[140]")
    running.until(1400)
    running.deployment.run("verify")


def test_the_doctor_finds_nothing(running: Running) -> None:
    running.deployment.run("connector", "doctor")


def test_nothing_can_be_written_but_the_state(running: Running) -> None:
    for container in (*running.workers, running.watch, running.api):
        code, output = container.exec(["touch", "/opt/tonnage/written"])
        assert code, output
        assert b"Read-only file system" in output
        assert container.exec(["id", "-u"]).output.strip() == b"10001"


@pytest.mark.parametrize("name", ["watch", "api", "worker"])
def test_sigterm_ends_a_container_in_order(running: Running, name: str) -> None:
    """The last test: it ends what the others use."""
    container = {"watch": running.watch, "api": running.api, "worker": running.workers[1]}[name]
    wrapped = container.get_wrapped_container()
    wrapped.stop(timeout=ENDS_WITHIN)
    assert wrapped.wait()["StatusCode"] == 0, tail(container)
