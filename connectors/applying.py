"""`tonnage connector apply`: the primary, the topics and the connector as the settings say."""

from __future__ import annotations

from connectors import capture, registration
from stream.settings import Settings
from stream.topics import ensure_topics

RUNS_WITHIN_SECONDS = 60


def apply(
    settings: Settings, *, prepared: bool = False, timeout: float = RUNS_WITHIN_SECONDS
) -> bool:
    """Bring everything about, and wait until the connector runs; tell whether it differed.

    `prepared` leaves the primary alone. Raises ConnectorError, TopicsError, SettingsError.
    """
    if not prepared:
        capture.prepare(settings)
    ensure_topics(settings)
    changed = registration.apply(settings)
    registration.wait_running(settings, timeout)
    return changed
