"""Kafka's brokers and how they are spoken to: what every client is made with."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from stream.settings import PREFIX, Settings, SettingsError

_PKCS8 = "-----BEGIN PRIVATE KEY-----"
_LOGIN_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Brokers:
    """Addresses (host:port[,host:port]), and how to prove who is who.

    Attributes:
        protocol: Kafka's `security.protocol`.
        ca: authorities that may vouch for brokers; None stands for the system's.
        certificate: our own certificate and its key, for brokers that ask for one.
        mechanism: of SASL, as are user and password; unused by protocols without it.
    """

    servers: str
    protocol: str = "PLAINTEXT"
    ca: Path | None = None
    certificate: Path | None = None
    mechanism: str = "SCRAM-SHA-512"
    user: str | None = None
    password: SecretStr | None = None

    @classmethod
    def of(cls, settings: Settings) -> Brokers:
        """Take what the settings say. Raises SettingsError where they lack what it takes."""
        if settings.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_user", "kafka_password"):
                settings.need(name)
        return cls(
            settings.need("bootstrap_servers"),
            settings.kafka_security_protocol,
            settings.kafka_ca,
            settings.kafka_certificate,
            settings.kafka_sasl_mechanism,
            settings.kafka_user,
            settings.kafka_password,
        )

    @property
    def has_tls(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.protocol.endswith("SSL")

    @property
    def has_sasl(self) -> bool:
        """Whether a user logs in."""
        return self.protocol.startswith("SASL")

    @cached_property
    def client(self) -> dict[str, Any]:
        """Arguments of every client of aiokafka and kafka-python: they have the same names.

        Raises SettingsError where a file is not what it should be.
        """
        return {
            "bootstrap_servers": self.servers,
            "security_protocol": self.protocol,
            **({"ssl_context": self.tls} if self.has_tls else {}),
            **(
                {
                    "sasl_mechanism": self.mechanism,
                    "sasl_plain_username": self.user,
                    "sasl_plain_password": self.secret,
                }
                if self.has_sasl
                else {}
            ),
        }

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Whom to trust, and what to show of ourselves. Raises SettingsError."""
        context = trusting(self.ca, "kafka_ca")
        if self.certificate is not None:
            try:
                has_key = _PKCS8 in self.certificate.read_text()
                if has_key:  # one with a passphrase would have it asked for on the terminal
                    context.load_cert_chain(self.certificate)
            except (OSError, ValueError) as error:
                raise _useless("kafka_certificate", self.certificate, str(error)) from error
            if not has_key:
                reason = "it holds no key in PKCS#8 without a passphrase"
                raise _useless("kafka_certificate", self.certificate, reason)
        return context

    @property
    def secret(self) -> str:
        """The password in clear."""
        return self.password.get_secret_value() if self.password else ""

    def java(self, prefix: str = "") -> dict[str, str]:
        """Return the properties of a Java client, without the addresses.

        It reads the files itself: they must be there where it runs, under the same paths.
        """
        if self.protocol == "PLAINTEXT":
            return {}
        found = {"security.protocol": self.protocol}
        for store, file in {"truststore": self.ca, "keystore": self.certificate}.items():
            if self.has_tls and file is not None:
                found[f"ssl.{store}.type"] = "PEM"
                found[f"ssl.{store}.location"] = str(file.absolute())
        if self.has_sasl:
            found["sasl.mechanism"] = self.mechanism
            found["sasl.jaas.config"] = self._login()
        return {f"{prefix}{name}": value for name, value in found.items()}

    def _login(self) -> str:
        plain = self.mechanism == "PLAIN"
        module = "plain.PlainLoginModule" if plain else "scram.ScramLoginModule"
        user, password = jaas(self.user or ""), jaas(self.secret)
        return f"{_LOGIN_MODULES}.{module} required username={user} password={password};"


def jaas(value: str) -> str:
    """Quote a value for `sasl.jaas.config`."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def trusting(ca: Path | None, setting: str) -> ssl.SSLContext:
    """Return a context that trusts a file's authorities alone; without one, the system's.

    Raises SettingsError, which names the setting, where the file holds none.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:  # SSLError is one
        raise _useless(setting, ca, str(error)) from error


def _useless(setting: str, file: Path | None, reason: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{setting.upper()}: {file} can't be used: {reason}")
