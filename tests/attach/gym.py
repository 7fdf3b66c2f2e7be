"""A Django project that somebody else wrote, with its own names, and a primary that it owns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from infra.services.postgres import binary
from tests.attach.guide import Block

TEMPLATE = Path(__file__).with_name("project")
BIN = Path(sys.executable).parent
OWNER = "gym_owner"
PASSWORD = "owner"


def own_database(superuser_dsn: str) -> str:
    """Make the app's database and its owner, who is no superuser; return the owner's address."""
    server = urlsplit(superuser_dsn)
    with psycopg.connect(superuser_dsn, autocommit=True) as admin:
        # `tonnage up` made it for its own tables
        admin.execute("DROP OWNED BY tonnage_capture")
        admin.execute("DROP ROLE tonnage_capture")
        admin.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE REPLICATION PASSWORD '{PASSWORD}'")
        admin.execute(f"CREATE DATABASE gym OWNER {OWNER}")
    return f"postgresql://{OWNER}:{PASSWORD}@{server.hostname}:{server.port}/gym"


@dataclass
class Project:
    """The project's folder, and the shell in which its owner follows the guide."""

    folder: Path
    variables: dict[str, str]
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, variables: Mapping[str, str]) -> Project:
        """Make the project and its tables."""
        project = cls(folder, dict(variables))
        project.run(f"django-admin startproject gym . --template '{TEMPLATE}'")
        project.run("python manage.py makemigrations training --verbosity 0")
        project.run("python manage.py migrate --verbosity 0")
        return project

    def follow(self, block: Block) -> str:
        """Do what a block of the guide says; return what its commands print."""
        if block.language == "python":
            path = self.folder / block.name
            path.parent.mkdir(parents=True, exist_ok=True)
            for package in (path.parent, *path.parent.parents):
                if self.folder in package.parents:
                    (package / "__init__.py").touch()
            with path.open("a") as file:
                file.write(block.text)
            return ""
        if block.name == "run":
            self.background.append(self._shell(block.text + "wait\n", stdout=subprocess.DEVNULL))
            return ""
        return self.keep(block.text) if "export " in block.text else self.run(block.text)

    def keep(self, commands: str) -> str:
        """Run commands, and keep the variables that they export."""
        printed, _, exported = self.run(f"{commands}\necho @@@\nenv -0").partition("@@@\n")
        pairs = (each.partition("=") for each in exported.split("\0") if each)
        self.variables |= {name: value for name, _, value in pairs if name.startswith("TONNAGE_")}
        return printed

    def run(self, commands: str) -> str:
        """Run commands as a person's shell would, and return what they print."""
        shell = self._shell(commands, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = shell.communicate()
        assert shell.returncode == 0, (
            f"{commands}\nended with {shell.returncode}:\n{output}{errors}"
        )
        return output

    def ask(self, user: str, method: str, path: str, body: Any = None) -> Any:
        """Ask the project as a person who is logged in, and return the JSON of its answer."""
        code = (
            "import json, sys, os, django\n"
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'gym.settings'\n"
            "django.setup()\n"
            "from django.contrib.auth.models import User\n"
            "from django.test import Client\n"
            "client = Client(SERVER_NAME='localhost', raise_request_exception=True)\n"
            "user, method, path, body = json.loads(sys.argv[1])\n"
            "client.force_login(User.objects.get(username=user))\n"
            "sent = {'data': body, 'content_type': 'application/json'} if body else {}\n"
            "answer = getattr(client, method)(path, **sent)\n"
            "assert answer.status_code < 400, (answer.status_code, answer.content)\n"
            "print(answer.content.decode())\n"
        )
        return json.loads(self.python(code, json.dumps([user, method, path, body])))

    def python(self, code: str, *arguments: str) -> str:
        """Run Python in the project's folder, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder, env=self._environment(), check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        """End what runs in the background."""
        for each in self.background:
            each.terminate()
        for each in self.background:
            each.wait(60)
        self.background.clear()

    def _environment(self) -> dict[str, str]:
        path = f"{BIN}:{binary('psql').parent}:{os.environ['PATH']}"
        return {**os.environ, **self.variables, "PATH": path}

    def _shell(self, commands: str, **streams: Any) -> subprocess.Popen[str]:
        # a shell that is told to end tells its children
        ended = "trap 'kill $(jobs -p); wait' TERM\n"
        return subprocess.Popen(
            ["bash", "-euc", ended + commands],
            cwd=self.folder, env=self._environment(), text=True, stdin=subprocess.DEVNULL,
            **streams,
        )  # fmt: skip
