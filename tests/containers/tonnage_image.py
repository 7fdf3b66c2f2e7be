"""This project's own image, built as anybody builds it, with wheels that the host has fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.containers.locked import image_lock
from tests.containers.docker_daemon import NoDockerError
from tests.containers.images import built, python_image
from tests.debian import last_line

ROOT = Path(__file__).parents[2]
TAG = "tonnage-test"
IN_THE_IMAGE = ("stream", "connectors", "api", "infra")
BESIDE = ("pyproject.toml", "requirements.lock", "README.md", "LICENSE", ".dockerignore")
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def tonnage_image(client: Any) -> str:
    """Build the image, and return its name. Raises NoDockerError where that can't be done."""
    base = python_image(client)
    version = client.containers.run(base, ["python3", "-c", _VERSION], remove=True).decode()
    wheels = _wheels(version.strip())
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in BESIDE:
            shutil.copy(ROOT / name, context)
        for name in IN_THE_IMAGE:
            shutil.copytree(ROOT / name, context / name, ignore=_left_out)
        shutil.copytree(wheels, context / "infra" / "containers" / "wheels")
        shutil.copy(ROOT / "infra" / "containers" / "Dockerfile", context)
        ignored = context / ".dockerignore"
        ignored.write_text(f"{ignored.read_text()}!Dockerfile\n")
        return built(client, context, TAG, PYTHON_IMAGE=base)


def _left_out(folder: str, names: list[str]) -> set[str]:
    del folder
    return {"__pycache__", "wheels"} & set(names)


def _wheels(version: str) -> Path:
    """Fetch the wheels with this machine's own pip, its index and all, once."""
    lock = image_lock(
        (ROOT / "requirements.lock").read_text(), (ROOT / "pyproject.toml").read_text()
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tonnage"
    wheels = cache / f"wheels-{sha256((version + lock).encode()).hexdigest()[:12]}"
    if wheels.is_dir():
        return wheels
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        (Path(folder) / "lock").write_text(lock)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"),
                *("--no-deps", "--only-binary=:all:", f"--python-version={version}"),
                *("-r", f"{folder}/lock", "-d", f"{folder}/wheels"),
            ],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise NoDockerError(f"the image's wheels can't be had: {last_line(done.stderr)}")
        (Path(folder) / "wheels").rename(wheels)
    return wheels
