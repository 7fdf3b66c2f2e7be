"""PostgreSQL's image: the official one where a registry has it, else one of Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any

from docker.errors import APIError, ImageNotFound  # type: ignore[import-untyped]

from tests.containers.docker_daemon import NoDockerError, install
from tests.debian import last_line

OFFICIAL = "postgres:18"
# Read when this is imported: the tests' environment is cleared of settings later.
ASKED = os.environ.get("TONNAGE_TEST_POSTGRES_IMAGE")
OWN = "tonnage-test-postgres"
ENTRYPOINT = Path(__file__).with_name("entrypoint.sh")
PROGRAM = "/usr/local/bin/docker-entrypoint.sh"
CLUSTERS = '"$1/etc/postgresql-common"'
OPTIONS = (
    "--variant=apt",
    "--include=postgresql",
    "--dpkgopt=force-unsafe-io",
    # Debian makes a cluster of its own at installation unless told otherwise.
    f"--essential-hook=mkdir {CLUSTERS}",
    f"--essential-hook=echo create_main_cluster=false >{CLUSTERS}/createcluster.conf",
    "--dpkgopt=force-confold",
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/*',
)
CHANGES = [f'ENTRYPOINT ["{PROGRAM}"]', "USER postgres", "EXPOSE 5432"]


def postgres_image(client: Any) -> str:
    """Return the name of an image that is there: one that was asked for, or what can be had.

    Raises NoDockerError where none can.
    """
    if ASKED is not None:
        return _pulled(client, ASKED)
    try:
        return _pulled(client, OFFICIAL)
    except NoDockerError:
        return _built(client)


def _pulled(client: Any, name: str) -> str:
    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except APIError as error:
            raise NoDockerError(f"the image {name} can't be pulled: {error}") from error
    return name


def _built(client: Any) -> str:
    """Make an image of Debian's PostgreSQL, unless the same is there from before."""
    made_from = repr((OPTIONS, CHANGES, _codename())).encode() + ENTRYPOINT.read_bytes()
    tag = sha256(made_from).hexdigest()[:12]
    name = f"{OWN}:{tag}"
    try:
        client.images.get(name)
    except ImageNotFound:
        _import(client, tag)
    return name


def _import(client: Any, tag: str) -> None:
    """Bootstrap a Debian with PostgreSQL straight into an image: no base image, no build."""
    if os.geteuid() != 0:
        raise NoDockerError(f"no registry has {OFFICIAL}, and only root can make an image")
    if shutil.which("mmdebstrap") is None:
        install("mmdebstrap")
    copy = f'--customize-hook=install -m 755 {quote(str(ENTRYPOINT))} "$1{PROGRAM}"'
    command = ["mmdebstrap", "--quiet", *OPTIONS, copy, _codename(), "-"]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as bootstrap,
    ):
        client.api.import_image_from_data(
            bootstrap.stdout, repository=OWN, tag=tag, changes=CHANGES
        )
        if bootstrap.wait():
            client.images.remove(f"{OWN}:{tag}")
            errors.seek(0)
            raise NoDockerError(f"no image can be made of Debian: {last_line(errors.read())}")


def _codename() -> str:
    """Name this machine's own release of Debian, whose keys it has."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value
    raise NoDockerError("this is no Debian that could be put into an image")
