from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from infra.containers.locked import NOT_IN_THE_IMAGE, image_lock
from stream.settings import PREFIX, Settings
from tests.composed import FILE, Service, services, variables

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"
SECRETS = {
    "POSTGRES_PASSWORD": "postgres",
    "TONNAGE_CAPTURE_PASSWORD": "capture",
    "TONNAGE_JWT_SECRET": "secret",
}
OURS = ("capture", "worker", "watch", "api")
ONE_SHOT = {"capture"}
POM = "{http://maven.apache.org/POM/4.0.0}"


@pytest.fixture(scope="module")
def composed() -> dict[str, Service]:
    return services(**SECRETS)


def settings_named(page: str) -> set[str]:
    return set(re.findall(r"`([A-Z][A-Z_]+)`", page))


def test_compose_takes_the_file() -> None:
    commands = [["docker", "compose"], ["docker-compose"]]
    there = [
        command
        for command in commands
        if shutil.which(command[0])
        and subprocess.run([*command, "version"], check=False, capture_output=True).returncode == 0
    ]
    if not there:
        pytest.skip("no docker compose here: the file was checked by the other tests alone")
    done = subprocess.run(
        [*there[0], "-f", FILE, "config", "--quiet"],
        env={**os.environ, **SECRETS}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_part_is_a_service(composed: dict[str, Service]) -> None:
    parts = {"primary", "read-store", "kafka", "connect", *OURS}
    assert composed.keys() == parts | {"prometheus", "grafana"}
    assert {name for name, each in composed.items() if "profiles" in each.raw} == {
        "prometheus",
        "grafana",
    }


def test_a_service_that_goes_on_has_a_health_check(composed: dict[str, Service]) -> None:
    for name, service in composed.items():
        assert ("test" in service.raw["healthcheck"]) is (name not in ONE_SHOT), name


def test_a_service_waits_for_services_that_are_there(composed: dict[str, Service]) -> None:
    for service in composed.values():
        for name, condition in service.depends_on.items():
            ends = name in ONE_SHOT
            expected = "service_completed_successfully" if ends else "service_healthy"
            assert name in composed
            assert condition == expected, (service.name, name)


def test_images_are_settings_with_a_version() -> None:
    images = {name: default for name, default in variables().items() if name.endswith("_IMAGE")}
    assert len(images) == 6
    for name, default in images.items():
        assert default, name
        assert re.fullmatch(r"[\w./-]+:v?\d+\.[\w.]+", default), name
    assert set(re.findall(r"image: \$\{(\w+):-", FILE.read_text())) == images.keys()
    assert FILE.read_text().count("image: ") == FILE.read_text().count("image: ${")


def test_the_official_images_have_the_versions_of_the_jars() -> None:
    pom = ET.parse(ROOT / "infra" / "pom.xml").getroot()  # noqa: S314 - our own file
    found = {each.tag.removeprefix(POM): each.text for each in pom.iter()}
    assert str(variables()["KAFKA_IMAGE"]).endswith(f":{found['kafka.version']}")
    assert str(variables()["CONNECT_IMAGE"]).endswith(f":{found['debezium.version']}")


def test_every_variable_is_on_the_page_of_settings(composed: dict[str, Service]) -> None:
    given = {name for each in composed.values() for name in each.environment}
    ours = {name for name in given if name.startswith(PREFIX)}
    assert ours - settings_named(PAGE.read_text()) == set()
    assert variables().keys() - settings_named(PAGE.read_text()) == set()
    assert ours <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_our_own_containers_may_do_little(composed: dict[str, Service]) -> None:
    for name in OURS:
        raw = composed[name].raw
        assert raw["read_only"] is True
        assert raw["cap_drop"] == ["ALL"]
        assert raw["security_opt"] == ["no-new-privileges:true"]
    lines = (ROOT / "infra" / "containers" / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]


def test_a_worker_has_a_state_folder_of_its_own(composed: dict[str, Service]) -> None:
    assert composed["worker"].mounts == (("", "/var/lib/tonnage"),)


def test_what_is_mounted_is_there(composed: dict[str, Service]) -> None:
    named = {
        source
        for each in composed.values()
        if "profiles" not in each.raw
        for source, _ in each.mounts
        if source.startswith(".")
    }
    assert named
    for source in named:
        assert (FILE.parent / source).exists(), source


def test_a_variable_without_a_default_must_be_set() -> None:
    assert {name for name, default in variables().items() if default is None} == SECRETS.keys()
    with pytest.raises(KeyError, match="TONNAGE_JWT_SECRET"):
        services(**{name: value for name, value in SECRETS.items() if name != "TONNAGE_JWT_SECRET"})


def test_the_image_installs_what_running_needs_and_no_more() -> None:
    lock = image_lock(
        (ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text()
    )
    names = set(re.findall(r"^[a-z0-9-]+(?===)", lock, flags=re.MULTILINE))
    assert {"faust-streaming", "psycopg-binary", "croniter", "uvloop", "setuptools"} <= names
    assert not names & {"pytest", "mypy", "playwright", "django", "testcontainers"}
    assert not names & NOT_IN_THE_IMAGE
    assert lock.count("--hash=sha256:") > len(names)
