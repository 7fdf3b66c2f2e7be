"""No kind of finding is without a test that breaks the thing."""

from __future__ import annotations

from connectors.doctor.finding import Kind
from tests.integration import test_doctor, test_doctor_parts, test_doctor_server
from tests.integration.doctoring import BROKEN

TESTS = (test_doctor, test_doctor_parts, test_doctor_server)
"""Importing them fills `BROKEN`."""


def test_each_kind_is_broken_by_a_test() -> None:
    assert set(Kind) == BROKEN
