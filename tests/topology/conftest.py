"""How long Hypothesis looks: a few thousand histories, or `TONNAGE_HYPOTHESIS=long`."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.topology.histories")

settings.register_profile(
    "quick",
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("quick"), max_examples=1_000_000)
settings.load_profile(os.environ.get("TONNAGE_HYPOTHESIS", "quick"))
