"""The images that containers are made of: official ones where a registry has them, else our own.

A variable of `infra/compose.yaml` may name another image, as it may for Compose. Stand-ins are made
of one Debian, with this machine's own release and its packages, and are kept by Docker for the
next time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, ImageNotFound  # type: ignore[import-untyped]

from infra import jars
from tests import composed
from tests.containers.docker_daemon import NoDockerError, install
from tests.debian import last_line

STAND_INS = Path(__file__).with_name("standins")
LOGGING = Path(__file__).parents[2] / "infra" / "services" / "log4j2.properties"
OFFICIAL_PYTHON = "python:3.11-slim-bookworm"
BASE = "tonnage-test-debian"
PACKAGES = (
    *("postgresql", "openjdk-17-jre-headless", "curl", "python3", "python3-venv"),
    "ca-certificates",
)
CLUSTERS = '"$1/etc/postgresql-common"'
OPTIONS = (
    "--variant=apt",
    f"--include={','.join(PACKAGES)}",
    "--dpkgopt=force-unsafe-io",
    # Debian makes a cluster of its own at installation unless told otherwise.
    f"--essential-hook=mkdir {CLUSTERS}",
    f"--essential-hook=echo create_main_cluster=false >{CLUSTERS}/createcluster.conf",
    "--dpkgopt=force-confold",
    # Java's packages link manual pages, for which a slim system has no folder.
    '--essential-hook=mkdir -p "$1"/usr/share/man/man1',
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/*',
)


def postgres_image(client: Any) -> str:
    """Return the name of PostgreSQL's image. Raises NoDockerError where none can be had."""
    return _asked(client, "POSTGRES_IMAGE") or _built(client, "postgres", {})


def kafka_image(client: Any) -> str:
    """Return the name of Kafka's image. Raises NoDockerError where none can be had."""
    return _asked(client, "KAFKA_IMAGE") or _java(client)


def connect_image(client: Any) -> str:
    """Return the name of Connect's image. Raises NoDockerError where none can be had."""
    return _asked(client, "CONNECT_IMAGE") or _java(client)


def python_image(client: Any) -> str:
    """Return the name of the image that our own is built on. Raises NoDockerError."""
    return _asked(client, "PYTHON_IMAGE", OFFICIAL_PYTHON) or _base(client)


def built(client: Any, context: Path, tag: str, **arguments: str) -> str:
    """Build an image of the Dockerfile in a folder, and return its name. Raises NoDockerError."""
    try:
        client.images.build(path=str(context), tag=tag, buildargs=arguments, rm=True)
    except (BuildError, APIError) as error:
        raise NoDockerError(f"the image {tag} can't be built: {error}") from error
    return tag


def _asked(client: Any, variable: str, official: str | None = None) -> str | None:
    """Return the image that the variable names, or else the official one where it can be had."""
    asked = os.environ.get(variable)
    if asked is not None:
        return _pulled(client, asked)
    try:
        return _pulled(client, official or str(composed.variables()[variable]))
    except NoDockerError:
        return None


def _pulled(client: Any, name: str) -> str:
    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except APIError as error:
            raise NoDockerError(f"the image {name} can't be pulled: {error}") from error
    return name


def _java(client: Any) -> str:
    found = jars.ensure()
    folders = {"kafka": found / "kafka", "plugins": found / "plugins"}
    return _built(client, "kafka", {**folders, "log4j2.properties": LOGGING})


def _built(client: Any, name: str, more: Mapping[str, Path]) -> str:
    """Build a stand-in on our Debian, unless the same is there from before."""
    base = _base(client)
    files = [STAND_INS / f"{name}.Dockerfile", STAND_INS / f"{name}.sh"]
    made_from = [base.encode(), *(path.read_bytes() for path in files), repr(more).encode()]
    tag = f"tonnage-test-{name}:{sha256(b''.join(made_from)).hexdigest()[:12]}"
    if _is_there(client, tag):
        return tag
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copy(files[0], context / "Dockerfile")
        shutil.copy(files[1], context)
        for target, source in more.items():
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, context / target)
        return built(client, context, tag, BASE=base)


def _is_there(client: Any, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _base(client: Any) -> str:
    """Bootstrap a Debian with all that stand-ins need, unless it is there from before."""
    tag = sha256(repr((OPTIONS, _codename())).encode()).hexdigest()[:12]
    name = f"{BASE}:{tag}"
    if not _is_there(client, name):
        with _bootstrapped() as archive:
            client.api.import_image_from_data(
                archive, repository=BASE, tag=tag, changes=["ENV LANG=C.UTF-8"]
            )
    return name


@contextmanager
def _bootstrapped() -> Iterator[Any]:
    """Give the archive of a new Debian, to be read while it is made or afterwards."""
    if os.geteuid() != 0:
        raise NoDockerError("no registry has the images, and only root can make them of Debian")
    if shutil.which("mmdebstrap") is None:
        install("mmdebstrap")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        archive = Path(folder) / "debian.tar"
        command = ["mmdebstrap", "--quiet", *OPTIONS, _codename(), str(archive)]
        if subprocess.run(command, stderr=errors, check=False).returncode:
            errors.seek(0)
            raise NoDockerError(f"no image can be made of Debian: {last_line(errors.read())}")
        with archive.open("rb") as read:
            yield read


def _codename() -> str:
    """Name this machine's own release of Debian, whose keys it has."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value
    raise NoDockerError("this is no Debian that could be put into an image")
