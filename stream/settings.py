"""Every setting of Tonnage: an environment variable `TONNAGE_*`, checked when a program starts.

What the environment does not name is taken from the running local stack's
`stack.json`, so that `tonnage verify` needs no setting beside a stack of `tonnage up`.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "TONNAGE_"

Port = Annotated[int, Field(ge=0, le=65535)]


class SettingsError(Exception):
    """A setting is missing or wrong; the message names its variable."""


class StackFile(PydanticBaseSettingsSource):
    """Addresses and secrets of the local stack, from `stack.json` in its home."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Answer nothing: the whole file is read at once in `__call__`."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the settings that the stack's file holds."""
        home = self.current_state.get("home") or Settings.model_fields["home"].default
        path = Path(home) / "stack.json"
        if not path.is_file():
            return {}
        found = json.loads(path.read_text())
        return {name: found[name] for name in Settings.model_fields if name in found}


class Settings(BaseSettings):
    """What can be set, with its default and its meaning."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    # -- where things are
    home: Path = Field(
        Path(".tonnage"), description="Folder of the local stack: data, logs, stack.json"
    )
    source_dsn: SecretStr | None = Field(None, description="URL of the primary PostgreSQL")
    read_store_dsn: SecretStr | None = Field(None, description="URL of the read store's PostgreSQL")
    api_read_store_dsn: SecretStr | None = Field(
        None, description="URL that the API uses instead: a role with SELECT alone"
    )
    bootstrap_servers: str | None = Field(None, description="Kafka brokers, host:port[,host:port]")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How brokers are spoken to: TLS is SSL, a login is SASL"
    )
    kafka_ca: Path | None = Field(
        None, description="PEM file of who may vouch for the brokers; default the system's"
    )
    kafka_certificate: Path | None = Field(
        None, description="PEM file of our own certificate with its key (PKCS#8), if they ask"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the user logs in to the brokers"
    )
    kafka_user: str | None = Field(None, description="User that logs in to the brokers")
    kafka_password: SecretStr | None = Field(None, description="That user's password")
    connect_url: str | None = Field(None, description="Kafka Connect's REST address")
    connect_ca: Path | None = Field(
        None, description="PEM file of who may vouch for Kafka Connect; default the system's"
    )
    connect_user: str | None = Field(None, description="User that logs in to Kafka Connect")
    connect_password: SecretStr | None = Field(None, description="That user's password")
    api_url: str | None = Field(None, description="Where this deployment's API answers")

    # -- meanings
    timezone: str = Field("UTC", description="Time zone of weeks and days (IANA name)")

    # -- the source's names
    source_schema: str = Field("public", description="Schema of the captured tables")
    exercise_table: str = Field("exercise", description="Table of exercises")
    workout_table: str = Field("workouts_workout", description="Table of workouts")
    performed_table: str = Field(
        "workouts_performedexercise", description="Table of performed exercises"
    )
    user_table: str = Field("auth_user", description="Table of users: `load` alone writes it")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description='JSON: columns with another name, {"workout.user_id": "owner_id"}',
    )

    # -- capture
    topic_prefix: str = Field("fit", description="Prefix of Debezium's topics")
    connector_name: str = Field("tonnage", description="Name of the connector in Kafka Connect")
    connect_offsets_topic: str = Field(
        "tonnage.connect-offsets", description="Topic in which Kafka Connect keeps its offsets"
    )
    slot_name: str = Field("tonnage", description="Replication slot in the primary")
    publication: str = Field("tonnage", description="Publication in the primary")
    capture_user: str = Field("tonnage_capture", description="Role with which Debezium reads")
    capture_password: SecretStr | None = Field(None, description="That role's password")
    heartbeat_interval_ms: int = Field(1000, ge=100, description="How often a heartbeat is written")

    # -- the stream
    partitions: int = Field(4, ge=1, le=256, description="Partitions of every topic of Tonnage")
    replication_factor: int = Field(1, ge=1, description="Replicas of every topic of Tonnage")
    state: Literal["rocksdb", "memory"] = Field("rocksdb", description="Where a worker keeps state")
    state_dir: Path | None = Field(None, description="Folder of local state; default HOME/state")
    batch_size: int = Field(2000, ge=1, description="Records of a partition that one batch takes")
    commit_interval_ms: int = Field(100, ge=10, description="How often positions are committed")
    instance_id: str | None = Field(
        None, description="Name by which Kafka knows a worker again that was restarted"
    )
    session_timeout_seconds: float = Field(
        6, ge=2, description="How long a worker may be silent before others take its partitions"
    )
    keep_seconds: float = Field(
        3600, ge=0, description="How long `stream rollback` can go back to the generation before"
    )
    rebuild: Literal["ask", "auto"] = Field(
        "ask", description="Whether a gap that the log can't tell starts a rebuild by itself"
    )
    proof_seconds: float = Field(
        0, ge=0, description="How often some users are recomputed from the primary; 0: never"
    )
    proof_percent: float = Field(
        1, gt=0, le=100, description="Share of the users that one recomputation takes, at random"
    )
    proof_dsn: SecretStr | None = Field(
        None, description="URL of a replica of the primary that is asked for it instead"
    )

    # -- the API
    api_host: str = Field("127.0.0.1", description="Address on which the API listens")
    api_port: Port = Field(0, description="Port of the API; 0 picks a free one")
    jwt_secret: SecretStr | None = Field(None, description="Shared secret of HS256 tokens")
    jwt_jwks_url: str | None = Field(None, description="Where the issuer publishes its keys")
    jwt_user_claim: str = Field("sub", description="Claim that holds the user's id")
    jwt_audience: str | None = Field(None, description="Audience that a token must name")
    jwt_issuer: str | None = Field(None, description="Issuer that a token must name")
    api_admin_token: SecretStr | None = Field(None, description="A token with scope admin")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins that may call the API from a browser, comma-separated"
    )
    max_range_weeks: int = Field(5300, ge=1, description="Weeks that one question may span")
    max_page: int = Field(1000, ge=1, le=1000, description="Entries of a list in one answer")
    max_body_bytes: int = Field(65_536, ge=0, description="Longest body of a request")
    rate_limit: float = Field(
        1000, ge=0, description="Requests a second of one user, also in a burst; 0: any number"
    )
    live_max_clients: int = Field(2000, ge=0, description="Clients of `live` on one process")
    live_heartbeat_seconds: float = Field(
        15, gt=0, description="How often `live` says that it is alive when nothing changes"
    )
    live_send_seconds: float = Field(
        10, gt=0, description="How long a client of `live` may take no data before it is dropped"
    )
    stale_after_seconds: float = Field(5.0, gt=0, description="Lag from which answers are stale")
    min_lsn_wait_seconds: float = Field(5.0, ge=0, description="How long `min_lsn` may wait")

    # -- the local stack
    workers: int = Field(1, ge=0, description="Workers that `up` starts")
    primary_port: Port = Field(0, description="Port of the local primary; 0 picks a free one")
    read_store_port: Port = Field(0, description="Port of the local read store")
    kafka_port: Port = Field(0, description="Port of the local Kafka")
    connect_port: Port = Field(0, description="Port of the local Kafka Connect")

    # -- what programs tell of themselves
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Logging")
    log: Literal["text", "json"] = Field(
        "text", description="Lines of the logs: for people, or a JSON object each"
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address on which workers and the watch tell their metrics"
    )
    traces_url: str | None = Field(
        None, description="OTLP/HTTP address of an OpenTelemetry collector, http://host:4318"
    )
    traces_share: float = Field(0.01, ge=0, le=1, description="Share of changes that are traced")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone is named {name!r}") from error
        return name

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, value.split(","))) if isinstance(value, str) else value

    @field_validator("connect_url")
    @classmethod
    def _holds_no_password(cls, url: str | None) -> str | None:
        if url and "@" in urlsplit(url).netloc:  # it is shown wherever Connect does not answer
            raise ValueError("a login belongs into TONNAGE_CONNECT_USER and _PASSWORD")
        return url

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """Refuse what would be sent otherwise than it seems: in clear, or not at all."""
        protocol = self.kafka_security_protocol
        of_protocol = f"and {PREFIX}KAFKA_SECURITY_PROTOCOL={protocol}"
        for name in ("kafka_user", "kafka_password"):
            if not protocol.startswith("SASL") and getattr(self, name) is not None:
                raise ValueError(f"{PREFIX}{name.upper()} is set, {of_protocol} sends none")
        for name in ("kafka_ca", "kafka_certificate"):
            if not protocol.endswith("SSL") and getattr(self, name) is not None:
                raise ValueError(f"{PREFIX}{name.upper()} is set, {of_protocol} has no TLS")
        if self.connect_user is None and self.connect_password is not None:
            raise ValueError(f"{PREFIX}CONNECT_PASSWORD is set, and {PREFIX}CONNECT_USER is not")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments first, then the environment, then the local stack's file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, StackFile(settings_cls)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The deployment's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def state_folder(self) -> Path:
        """Where workers keep their local state."""
        return self.state_dir or self.home / "state"

    def topic(self, table: str) -> str:
        """Name the topic of a captured table."""
        return f"{self.topic_prefix}.{self.source_schema}.{table}"

    def column(self, table: str, name: str) -> str:
        """Name the source's column for ours: `column("workout", "user_id")`."""
        return self.columns.get(f"{table}.{name}", name)

    def need(self, name: str) -> str:
        """Return an address or secret that must be set, or say which variable lacks."""
        value = getattr(self, name)
        if value is None:
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set and no local stack runs in {self.home}"
                f" ({Settings.model_fields[name].description}). Set it, or run `tonnage up`."
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def load_settings(**given: Any) -> Settings:
    """Read the settings, or raise SettingsError that names each wrong variable."""
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = [
            f"{PREFIX}{str(each['loc'][0]).upper()}: {each['msg']}"
            if each["loc"]
            else each["msg"].removeprefix("Value error, ")  # of several, which it names
            for each in error.errors()
        ]
        raise SettingsError("; ".join(wrong)) from error
