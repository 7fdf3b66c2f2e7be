"""Chaos finds what is planted: CHAOS_PLANTED=1 runs it, since a defect shows by chance.

Each defect is given so many storms of the faults that can show it. What counts as found: a
difference, answers that never catch up again, or a stack that does not go on.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.errors import TonnageError
from stream.settings import Settings, load_settings
from tests.chaos.planted import DEFECTS, sitecustomize
from tests.chaos.storm import Storm
from tests.conftest import tonnage

STORMS = 8
FAULTS = 4
QUIET_SECONDS = 120
SHOWN_BY = {
    "skip_duplicates": {"sends_refused", "worker_killed_in_a_send"},
    "resume_before_seek": {"guest_joins", "guest_leaves", "worker_killed", "state_deleted"},
    "wait_for_nothing": {"guest_joins", "guest_leaves"},
    "acknowledge_what_failed": {"sends_refused"},
    "gate_by_lsn": {"slot_dropped"},
}


@pytest.mark.skipif("CHAOS_PLANTED" not in os.environ, reason="CHAOS_PLANTED=1 runs it: long")
@pytest.mark.stack
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(
    defect: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = tonnage(home, "up", **sitecustomize(tmp_path, defect))
    if done.returncode:
        found: str | None = done.stderr
    else:
        found = weathered(load_settings(home=home), SHOWN_BY[defect])
    assert found is not None, f"{defect} was not found in {STORMS} storms"
    with capsys.disabled():
        print(f"\n{defect}: {found}")


def weathered(stack: Settings, kinds: set[str]) -> str | None:
    """Make storms until one shows something; return what, or None.

    It is compared after each fault: the next may mend what the one before has spoilt.
    """
    for seed in range(1, STORMS + 1):
        storm = Storm(stack, seed, kinds)
        try:
            for _ in range(FAULTS):
                storm.blow(1, quiet_seconds=QUIET_SECONDS)
                if storm.differences:
                    found = f"{len(storm.differences)} differ, {storm.differences[0]}"
                    return f"storm {seed}: {found}"
        except (TonnageError, AssertionError) as error:
            return f"storm {seed}: {error}"
        finally:
            storm.close()
    return None
