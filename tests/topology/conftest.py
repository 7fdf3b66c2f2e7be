"""What fails in a history is shown in full."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.topology.histories")
