"""Become a part of the local stack: `python -m infra.launch HOME PART`.

The supervisor starts this for every part. Commands and secrets stand in a private file, so
that they need no quoting in its configuration, are in no process list, and are those of the
last `tonnage up` whenever a part is started again.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from pathlib import Path


def main(home: str, part: str) -> None:
    """Replace this process by the part's command, as its user."""
    spec = json.loads((Path(home) / "run" / "parts.json").read_text())[part]
    if spec["user"] is not None:
        entry = pwd.getpwnam(spec["user"])
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    os.chdir("/")
    os.execvpe(spec["command"][0], spec["command"], {**os.environ, **spec["environment"]})  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
