from __future__ import annotations

from pathlib import Path

import pytest

from infra import jars
from infra.blueprint import KINDS, Blueprint, Draughtsman, from_environment
from infra.errors import TonnageError
from infra.home import Home
from infra.services.connect import ConnectWorker, worker_properties
from infra.services.kafka import Broker, server_properties
from infra.services.part import properties
from infra.supervision import configuration
from stream.brokers import Brokers

LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_USER": "tonnage",
    "KAFKA_PASSWORD": "secret",
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(jars, "ensure", lambda: tmp_path / "jars")
    monkeypatch.setattr("infra.services.postgres.system_user", lambda: None)
    monkeypatch.setattr("infra.services.kafka.java", lambda: "java")
    home = Home.at(tmp_path / "home")
    home.make()
    return home


def draw(home: Home, *kinds: str) -> Blueprint:
    return Draughtsman(home, from_environment(), kinds or KINDS, ()).draw()


def environment_of(drawn: Blueprint, name: str) -> dict[str, str]:
    (part,) = (part for part in drawn.parts if part.name == name)
    return dict(part.environment)


def test_every_part_is_drawn_and_every_address_is_set(made: Home) -> None:
    drawn = draw(made)
    names = [part.name for part in drawn.parts]
    assert names == ["primary", "kafka", "connect", "read-store", "watch", "worker_0", "api"]
    for name in ("source_dsn", "bootstrap_servers", "connect_url", "read_store_dsn", "api_url"):
        assert "127.0.0.1" in drawn.settings.need(name)
    assert drawn.settings.api_admin_token is not None


def test_ports_and_secrets_stay(made: Home) -> None:
    first, second = draw(made, "primary"), draw(made, "primary")
    assert first.settings.source_dsn == second.settings.source_dsn
    assert (made.root / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_part_that_the_environment_names_is_not_drawn(
    made: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONNAGE_BOOTSTRAP_SERVERS", "broker.example:9092")
    drawn = draw(made)
    assert "kafka" not in {part.name for part in drawn.parts}
    assert environment_of(drawn, "worker_0")["TONNAGE_BOOTSTRAP_SERVERS"] == "broker.example:9092"


def test_workers_get_the_callers_settings_and_rebuild_by_themselves(
    made: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONNAGE_TIMEZONE", "Europe/Berlin")
    environment = environment_of(draw(made), "worker_0")
    assert environment["TONNAGE_TIMEZONE"] == "Europe/Berlin"
    assert environment["TONNAGE_REBUILD"] == "auto"
    monkeypatch.setenv("TONNAGE_REBUILD", "ask")
    assert environment_of(draw(made), "worker_0")["TONNAGE_REBUILD"] == "ask"


def test_an_attached_primary_is_rebuilt_from_only_when_asked(
    made: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONNAGE_SOURCE_DSN", "postgresql://primary.example/app")
    monkeypatch.setenv("TONNAGE_CAPTURE_PASSWORD", "secret")
    assert environment_of(draw(made), "watch")["TONNAGE_REBUILD"] == "ask"


def test_an_old_stack_file_has_no_say(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONNAGE_HOME", str(made.root))
    made.write("stack.json", {"source_dsn": "postgresql://gone.example/db"})
    assert from_environment().source_dsn is None


@pytest.mark.parametrize(("kind", "lacks"), [("connect", "kafka"), ("api", "read-store")])
def test_a_part_without_what_it_needs_is_refused(made: Home, kind: str, lacks: str) -> None:
    with pytest.raises(TonnageError, match=f"{kind} can't run without {lacks}"):
        draw(made, kind)


def test_kafka_listens_on_loopback_alone_and_makes_no_topics_by_itself(tmp_path: Path) -> None:
    broker = Broker(tmp_path, tmp_path / "data", tmp_path / "config", 9092, 9093)
    text = properties(server_properties(broker))
    assert "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n" in text
    assert "auto.create.topics.enable=false\n" in text


def test_connect_is_an_exactly_once_source_and_keeps_its_offsets_where_it_is_told() -> None:
    worker = ConnectWorker(Path("/jars"), Path("/config"), 8083, Brokers("b:9092"), "offsets", 1)
    rendered = worker_properties(worker)
    assert rendered["exactly.once.source.support"] == "enabled"
    assert rendered["offset.storage.topic"] == "offsets"


def test_a_connect_here_reaches_brokers_elsewhere_as_they_ask(
    made: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(f"TONNAGE_{name}", value)
    monkeypatch.setenv("TONNAGE_BOOTSTRAP_SERVERS", "broker.example:9096")
    (part,) = (part for part in draw(made).parts if part.name == "connect")
    part.prepare()
    config = (made.run / "connect.properties").read_text()
    for prefix in ("", "producer.", "consumer.", "admin."):
        assert f"\n{prefix}security.protocol=SASL_SSL\n" in config
    assert (made.run / "connect.properties").stat().st_mode & 0o077 == 0


def test_the_kafka_of_the_stack_has_no_tls(made: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(f"TONNAGE_{name}", value)
    with pytest.raises(TonnageError, match="TONNAGE_KAFKA_SECURITY_PROTOCOL"):
        draw(made)


def test_a_home_with_blanks_and_percent_signs_is_quoted() -> None:
    home = Home(Path("/a b/100%"))
    text = configuration(home, ["api"], {"api": {"stop_signal": "TERM", "stop_seconds": 5}})
    assert "infra.launch '/a b/100%%' api\n" in text
    assert "stdout_logfile=/a b/100%%/logs/api.log\n" in text


def test_a_long_home_keeps_its_socket_elsewhere() -> None:
    assert Home(Path("/short")).socket == Path("/short/run/supervisor.sock")
    assert len(str(Home(Path("/" + "long" * 30)).socket)) < 90
