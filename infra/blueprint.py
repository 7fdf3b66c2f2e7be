"""What `up` starts: each part with its ports and secrets, and the settings that follow."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from api.security import make_token
from infra import jars, ports
from infra.errors import TonnageError
from infra.home import Home
from infra.services import api, connect, kafka, postgres, watch, worker
from infra.services.part import Part
from stream.brokers import Brokers
from stream.settings import PREFIX, Settings, load_settings

# What a part gives to all others; one whose setting the environment names is not started.
GIVES = {
    "primary": "source_dsn",
    "kafka": "bootstrap_servers",
    "connect": "connect_url",
    "read-store": "read_store_dsn",
}
SERVERS = tuple(GIVES)
KINDS = (*SERVERS, "watch", "workers", "api")
NEEDS = {
    "connect": {"kafka"},
    "watch": {"primary", "kafka", "connect", "read-store"},
    "workers": {"kafka", "read-store"},
    "api": {"read-store"},
}
TOKEN_LIFE = timedelta(days=365)


class Environment(Settings):
    """The settings that the environment names: an old `stack.json` has no say in a new stack."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments first, then the environment."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings


def from_environment(**given: Any) -> Environment:
    """Read the settings from the environment alone, or raise SettingsError."""
    load_settings(**given)  # names every wrong variable
    return Environment(**given)


@dataclass(frozen=True)
class Blueprint:
    """The parts of one `up` and the settings with every address and secret filled in."""

    settings: Settings
    parts: tuple[Part, ...]


class Draughtsman:
    """Draws the blueprint of a home for what is asked."""

    def __init__(
        self, home: Home, asked: Settings, kinds: Collection[str], running: Collection[str]
    ) -> None:
        self.home = home
        self.asked = asked
        self.kinds = {kind for kind in kinds if self._given(kind) is None}
        for kind in self.kinds:
            self._check_needs(kind)
        self._check_reach()
        self.running = running
        self.secrets = home.secrets()
        self.kept: dict[str, int] = home.read("ports.json")

    def draw(self) -> Blueprint:
        """Choose ports, keep them for the next time, and describe every part."""
        servers = self._servers()
        found = {GIVES[kind]: address for kind, (_, address) in servers.items()}
        settings = self._complete(found)
        parts = [part for part, _ in servers.values()]
        if "watch" in self.kinds:
            dsn, port = settings.need("read_store_dsn"), self._port("watch")
            parts.append(watch.watch(dsn, port, self._environment(settings)))
        if "workers" in self.kinds:
            parts += [self._worker(settings, number) for number in range(settings.workers)]
        if "api" in self.kinds:
            part = self._api(settings)
            parts.append(part)
            settings = settings.model_copy(update={"api_url": part.address})
        self.home.write("ports.json", self.kept)
        return Blueprint(settings, tuple(parts))

    def _check_needs(self, kind: str) -> None:
        lacks = [
            need
            for need in sorted(NEEDS.get(kind, ()))
            if need not in self.kinds and self._given(need) is None
        ]
        if lacks:
            variables = ", ".join(f"{PREFIX}{GIVES[need].upper()}" for need in lacks)
            raise TonnageError(
                f"{kind} can't run without {', '.join(lacks)}: name them in --only, too,"
                f" or set {variables}."
            )

    def _check_reach(self) -> None:
        """Refuse ways of speaking that servers which run here don't have."""
        if "kafka" in self.kinds and self.asked.kafka_security_protocol != "PLAINTEXT":
            raise TonnageError(
                f"the local Kafka has neither TLS nor logins: set {PREFIX}BOOTSTRAP_SERVERS, or"
                f" unset {PREFIX}KAFKA_SECURITY_PROTOCOL."
            )

    def _given(self, kind: str) -> str | None:
        value = getattr(self.asked, GIVES[kind]) if kind in GIVES else None
        return value.get_secret_value() if isinstance(value, SecretStr) else value

    def _port(self, name: str, setting: str | None = None, part: str | None = None) -> int:
        kept = self.kept.get(name)
        if kept is None or (part or name) not in self.running:
            wanted = getattr(self.asked, setting) if setting else 0
            variable = f"{PREFIX}{setting}".upper() if setting else None
            kept = ports.choose(name, variable, wanted, kept)
            self.kept[name] = kept
        return kept

    def _servers(self) -> dict[str, tuple[Part, str]]:
        """Describe the servers that are to run here, each with what it gives to others."""
        found = {}
        if "primary" in self.kinds:
            server = self._postgres("primary", "primary_port", postgres.PRIMARY)
            found["primary"] = (server.part(), server.dsn)
        if "kafka" in self.kinds:
            broker = self._broker()
            found["kafka"] = (broker.part(), broker.address)
        if "connect" in self.kinds:
            connector = self._connect(self._brokers(found))
            found["connect"] = (connector.part(), connector.url)
        if "read-store" in self.kinds:
            server = self._postgres("read-store", "read_store_port", postgres.READ_STORE)
            found["read-store"] = (server.part(), server.dsn)
        return found

    def _postgres(self, name: str, setting: str, options: dict[str, str]) -> postgres.Server:
        return postgres.Server(
            name=name,
            data=self.home.data / name,
            port=self._port(name, setting),
            password=self.secrets[f"{name.replace('-', '_')}_password"],
            database="workouts" if name == "primary" else "tonnage",
            options=options,
        )

    def _broker(self) -> kafka.Broker:
        return kafka.Broker(
            jars=jars.ensure(),
            data=self.home.data / "kafka",
            config=self.home.run / "kafka.properties",
            port=self._port("kafka", "kafka_port"),
            controller_port=self._port("kafka-controller", part="kafka"),
        )

    def _brokers(self, found: dict[str, tuple[Part, str]]) -> Brokers:
        if "kafka" in found:
            return Brokers(found["kafka"][1])
        return Brokers.of(self.asked)

    def _connect(self, brokers: Brokers) -> connect.ConnectWorker:
        return connect.ConnectWorker(
            jars=jars.ensure(),
            config=self.home.run / "connect.properties",
            port=self._port("connect", "connect_port"),
            brokers=brokers,
            offsets_topic=self.asked.connect_offsets_topic,
            replication_factor=self.asked.replication_factor,
        )

    def _complete(self, found: dict[str, str]) -> Settings:
        values: dict[str, Any] = {**found, "home": self.home.root, "workers": self.asked.workers}
        if self.asked.capture_password is None:
            values["capture_password"] = self.secrets["capture_password"]
        if self.asked.jwt_secret is None and self.asked.jwt_jwks_url is None:
            values["jwt_secret"] = self.secrets["jwt_secret"]
        settings = Environment(**values)
        if settings.api_admin_token is None and settings.jwt_secret is not None:
            token = make_token(settings, None, admin=True, ttl=TOKEN_LIFE)
            settings = Environment(**values, api_admin_token=SecretStr(token))
        return settings

    def _environment(self, settings: Settings) -> dict[str, str]:
        """Return what a worker or the API gets: the caller's own settings and the addresses."""
        names = (*GIVES.values(), "capture_password", "jwt_secret")
        known = {name: getattr(settings, name) for name in names}
        return {
            f"{PREFIX}REBUILD": "auto" if "primary" in self.kinds else "ask",
            **{name: value for name, value in os.environ.items() if name.startswith(PREFIX)},
            f"{PREFIX}HOME": str(self.home.root),
            **{
                f"{PREFIX}{name.upper()}": settings.need(name)
                for name, value in known.items()
                if value is not None
            },
        }

    def _worker(self, settings: Settings, number: int) -> Part:
        name = f"worker_{number}"
        return worker.worker(name, self._port(name), self._environment(settings))

    def _api(self, settings: Settings) -> Part:
        port = self._port("api", "api_port")
        return api.api(settings.api_host, port, self._environment(settings))
