"""Continuous proof: what somebody changed in the read store by hand does not stay unseen."""

from __future__ import annotations

import pytest

from infra.proof import prove
from tests.e2e.conftest import Lifter
from tests.e2e.pipeline import Pipeline, until
from tests.e2e.watching import watch

pytestmark = pytest.mark.stack


def test_a_row_that_was_altered_by_hand_is_found_and_told(
    pipeline: Pipeline, settled: Lifter
) -> None:
    asked = pipeline.settings.model_copy(update={"proof_percent": 100})
    assert prove(asked) == []
    assert pipeline.meta(settled.user).drift == 0
    alter = (
        f"UPDATE {pipeline.schema}.weekly_stats SET total_volume = total_volume + %s"
        " WHERE user_id = %s AND week = 45 RETURNING week"
    )
    pipeline.rows(alter, 1, settled.user)
    (found,) = prove(asked)
    assert "total_volume: expected 2140.0, found 2141" in found
    assert pipeline.meta(settled.user).drift == 1
    assert "tonnage_drift_rows 1.0" in pipeline.http.get("/metrics").text
    pipeline.rows(alter, -1, settled.user)
    assert prove(asked) == []


def test_the_watch_proves_as_often_as_it_is_told(pipeline: Pipeline) -> None:
    proofs = "SELECT at FROM tonnage.proof"
    with watch(pipeline, TONNAGE_PROOF_SECONDS="0.2"):
        before = pipeline.rows(proofs)
        until(lambda: pipeline.rows(proofs) != before, "a proof")
