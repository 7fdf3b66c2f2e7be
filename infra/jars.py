"""The jars of Kafka, Kafka Connect and Debezium: fetched once by Maven from the pinned pom.xml.

They are kept in the user's cache, in a folder named by the pom, so that clones share them.
`python -m infra.jars` fetches them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from infra.errors import TonnageError

POM = Path(__file__).with_name("pom.xml")
# profile of the pom -> folder; Kafka Connect takes each folder in plugins/ for one plugin
SETS = {"kafka": "kafka", "debezium": "plugins/debezium"}
INSTALL = (
    "run `make setup`, or install Java 17 or later and Maven (Debian: default-jre-headless maven)"
)


def folder() -> Path:
    """Name the folder of this pom's jars; SETS says what is where in it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "tonnage" / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def java() -> str:
    """Find the Java program: of JAVA_HOME, else of PATH."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        raise TonnageError(f"Java is missing: {INSTALL}.")
    return found


def ensure() -> Path:
    """Fetch what is missing and return the folder of the jars."""
    target = folder()
    if target.is_dir():
        return target
    if shutil.which("mvn") is None:
        raise TonnageError(f"Maven is missing: {INSTALL}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as draft:
        for profile, place in SETS.items():
            _fetch(profile, Path(draft) / "jars" / place)
        try:
            (Path(draft) / "jars").rename(target)
        except OSError:
            # another clone was quicker; its jars are the same
            if not target.is_dir():
                raise
    return target


def _fetch(profile: str, output: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={output}"]
    command = ["mvn", "-q", "-B", "-C", "-f", str(POM), f"-P{profile}", *goal]
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode or not any(output.glob("*.jar")):
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise TonnageError(f"Maven could not fetch the jars of {profile}:\n{tail}")


if __name__ == "__main__":
    print(ensure())
