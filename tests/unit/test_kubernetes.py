from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.openapi import document
from stream.settings import PREFIX, Settings, load_settings

FOLDER = Path(__file__).parents[2] / "infra" / "kubernetes"
SECRET = "tonnage"
# What each program can't do without, beside what all of them get from settings.env.
NEEDS = {
    "capture": {"SOURCE_DSN", "READ_STORE_DSN", "CAPTURE_PASSWORD"},
    "worker": {"READ_STORE_DSN"},
    "watch": {"SOURCE_DSN", "READ_STORE_DSN", "CAPTURE_PASSWORD"},
    "api": {"READ_STORE_DSN", "JWT_SECRET"},
}
GROUPS = {
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "Service": "v1",
    "Job": "batch/v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
}

Manifest = dict[str, Any]


def kustomization() -> Manifest:
    found: Manifest = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    return found


def manifests(*kinds: str) -> Iterator[Manifest]:
    for name in kustomization()["resources"]:
        for each in yaml.safe_load_all((FOLDER / name).read_text()):
            if not kinds or each["kind"] in kinds:
                yield each


def workloads() -> dict[str, Manifest]:
    found = manifests("Job", "Deployment", "StatefulSet")
    return {each["metadata"]["name"]: each["spec"] for each in found}


def pod(name: str) -> Manifest:
    spec: Manifest = workloads()[name]["template"]["spec"]
    return spec


def container(name: str) -> Manifest:
    (found,) = pod(name)["containers"]
    assert isinstance(found, dict)
    return found


def test_kustomize_takes_them() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here: the manifests were checked by the other tests alone")
    done = subprocess.run(
        ["kubectl", "kustomize", FOLDER], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    made = [each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "StatefulSet"]
    image = made[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "tonnage:0.1.0"


def test_every_file_of_the_folder_is_used() -> None:
    generated = [env for each in kustomization()["configMapGenerator"] for env in each["envs"]]
    used = {"kustomization.yaml", *kustomization()["resources"], *generated}
    assert {path.name for path in FOLDER.iterdir()} == used


def test_every_object_has_its_kinds_version_and_a_name_of_its_own() -> None:
    found = [(each["kind"], each["metadata"]["name"]) for each in manifests()]
    assert len(set(found)) == len(found)
    assert {each["kind"]: each["apiVersion"] for each in manifests()} == GROUPS


def test_selectors_find_a_workloads_pods() -> None:
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in workloads().items()}
    for name, spec in workloads().items():
        if "selector" in spec:
            assert spec["selector"]["matchLabels"] == labels[name]
    for each in manifests("Service"):
        assert each["spec"]["selector"] == labels[each["metadata"]["name"]]
    budgets = {each["metadata"]["name"]: each["spec"] for each in manifests("PodDisruptionBudget")}
    assert budgets.keys() == {"worker", "watch", "api"}
    for name, spec in budgets.items():
        assert spec["selector"]["matchLabels"] == labels[name]


@pytest.mark.parametrize("name", NEEDS)
def test_every_variable_is_a_setting_and_secrets_come_from_the_secret(name: str) -> None:
    variables = {each["name"]: each for each in container(name)["env"]}
    known = {f"{PREFIX}{field.upper()}": field for field in Settings.model_fields}
    assert variables.keys() <= known.keys()
    assert {f"{PREFIX}{each}" for each in NEEDS[name]} <= variables.keys()
    for variable, each in variables.items():
        if "Secret" in str(Settings.model_fields[known[variable]].annotation):
            optional = variable.removeprefix(PREFIX) not in NEEDS[name]
            reference = {"name": SECRET, "key": known[variable].replace("_", "-")}
            more = {"optional": True} if optional else {}
            assert each["valueFrom"]["secretKeyRef"] == reference | more
    sources = container(name)["envFrom"]
    assert sources == [{"configMapRef": {"name": kustomization()["configMapGenerator"][0]["name"]}}]


def test_the_settings_are_read_without_complaint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = (FOLDER / "settings.env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines)
    assert values.keys() <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert load_settings(home=tmp_path).bootstrap_servers == values["TONNAGE_BOOTSTRAP_SERVERS"]


@pytest.mark.parametrize("name", NEEDS)
def test_a_container_may_do_little_and_asks_for_what_it_needs(name: str) -> None:
    assert pod(name)["securityContext"]["runAsNonRoot"] is True
    found = container(name)
    assert found["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert found["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in found["resources"]["limits"]
    assert pod(name)["serviceAccountName"] in {
        each["metadata"]["name"] for each in manifests("ServiceAccount")
    }


def test_every_mount_is_a_volume() -> None:
    for name, spec in workloads().items():
        claims = [each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", ())]
        volumes = [each["name"] for each in pod(name).get("volumes", ())]
        mounted = [each["name"] for each in container(name).get("volumeMounts", ())]
        assert sorted(mounted) == sorted([*claims, *volumes])


def test_the_api_is_asked_where_it_answers() -> None:
    probes = {
        name: container("api")[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "liveness", "readiness")
    }
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert set(probes.values()) <= document([])["paths"].keys()


def test_a_worker_is_known_by_its_pods_name() -> None:
    variables = {each["name"]: each for each in container("worker")["env"]}
    name = variables["TONNAGE_INSTANCE_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert name == "metadata.name"
    assert float(variables["TONNAGE_SESSION_TIMEOUT_SECONDS"]["value"]) > 6
    assert workloads()["worker"]["serviceName"] in {
        each["metadata"]["name"] for each in manifests("Service")
    }
