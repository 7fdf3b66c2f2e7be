"""What Debezium and Connect say of a failure, told in words that say what to do."""

from __future__ import annotations

import pytest

from connectors.causes import explain
from stream.settings import Settings

SETTINGS = Settings.model_validate(
    {"publication": "pub", "slot_name": "slot", "capture_user": "cap"}
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Publication autocreation is disabled, please create one", "publication 'pub' is missing"),
        ('ERROR: publication "pub" does not exist', "publication 'pub' is missing"),
        ('ERROR: replication slot "slot" is active for PID 7', "slot 'slot' is in use"),
        ("FATAL: all replication slots are in use", "no free replication slot"),
        ('FATAL: password authentication failed for user "cap"', "refuses the role 'cap'"),
        ('FATAL: role "cap" does not exist', "refuses the role 'cap'"),
        ("FATAL: permission denied to start WAL sender", "'cap' may not replicate"),
        ("ERROR: permission denied for table exercise", "may not read the captured tables"),
        ('ERROR: can no longer access replication slot "slot"', "reset --from-source"),
        ("but this is no longer available on the server", "reset --from-source"),
        ("Connection to 127.0.0.1:1 refused", "can't reach the primary"),
        ("The connector does not support exactly-once", "exactly.once.source.support"),
        (
            "ProducerFencedException: a newer producer of this exactly-once task fences it",
            "took this one's place",
        ),
        ("Topic fit.public.exercise not present in metadata after 60000 ms", "topic"),
    ],
)
def test_a_known_cause_says_what_to_do(said: str, told: str) -> None:
    explained = explain(said, SETTINGS)
    assert told in explained
    assert said in explained


def test_the_root_cause_is_told_of_a_trace() -> None:
    trace = (
        "a.b.Wrapped: it failed\n\tat x.y(Z.java:1)\nCaused by: c.d.Root: the reason\n\t... 9 more"
    )
    assert explain(trace, SETTINGS) == "c.d.Root: the reason"


def test_a_known_cause_quotes_its_own_line() -> None:
    trace = "Wrapped\nCaused by: permission denied for table exercise\nCaused by: Inner"
    assert explain(trace, SETTINGS).endswith("(permission denied for table exercise)")


def test_a_long_line_is_cut_in_its_middle() -> None:
    explained = explain("begin " + "x" * 5000 + " end", SETTINGS)
    assert explained.startswith("begin")
    assert explained.endswith("end")
    assert len(explained) <= 300


def test_no_reason_is_said_to_be_none() -> None:
    assert explain("", SETTINGS) == "no reason given"
