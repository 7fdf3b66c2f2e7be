"""The connector in Kafka Connect: make it, look at it, pause it, start it again."""

from __future__ import annotations

from time import monotonic

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from connectors.causes import explain
from connectors.configuration import redact, render
from connectors.connect import Connect
from connectors.errors import ConnectorError
from connectors.primary import connection
from connectors.state import (
    PAUSED,
    RUNNING,
    CaptureState,
    ConnectorState,
    read_connector,
    read_slot,
    read_state,
)
from stream.settings import Settings

_SLOT_RELEASE_SECONDS = 5
_RESTART_SECONDS = 5
"""Within these Connect begins with a restart; until then it tells the failure of before."""


def apply(settings: Settings) -> bool:
    """Give Connect the connector's configuration; tell whether it differed.

    What is the same is left alone, so that nothing restarts; what has failed is started again.

    Raises:
        ConnectorError: Connect does not answer, or the configuration is refused.
        SettingsError: an address or password is not set.
    """
    connect = _connect(settings)
    config = render(settings)
    held = connect.config()
    changed = held != {**config, "name": settings.connector_name}
    if held is None:
        _refuse_taken_slot(settings)
    if changed:
        _validate(settings, connect, config)
        _put(settings, connect, config)
    if held is not None and read_connector(settings, connect).failure:
        connect.restart(only_failed=True)
    return changed


def status(settings: Settings) -> CaptureState:
    """Return the state of the connector, its slot and publication. Raises ConnectorError."""
    return read_state(settings, _connect(settings))


def wait_running(settings: Settings, timeout: float = 60) -> None:
    """Wait, at most `timeout` seconds, until the connector and its task run.

    Raises:
        ConnectorError: one of them failed, or time is out.
    """
    _wait(settings, RUNNING, timeout)


def pause(settings: Settings, timeout: float = 60) -> None:
    """Stop taking changes, and wait until it is so. The slot keeps what is written meanwhile."""
    _connect(settings).pause()
    _wait(settings, PAUSED, timeout)


def resume(settings: Settings, timeout: float = 60) -> None:
    """Go on after `pause`, and wait until it runs."""
    _connect(settings).resume()
    _wait(settings, RUNNING, timeout)


def restart(settings: Settings, timeout: float = 60) -> None:
    """Start the connector and its task again, and wait until they run."""
    connect = _connect(settings)
    failure = read_connector(settings, connect).failure
    connect.restart()
    _wait(settings, RUNNING, timeout, before=failure)


def _connect(settings: Settings) -> Connect:
    return Connect.of(settings)


def _refuse_taken_slot(settings: Settings) -> None:
    """Raise ConnectorError where another reader has the slot.

    Debezium would try again for ever and seem to run. A connector that was deleted just now
    lets go of its slot in a moment.
    """

    def taken_by() -> int | None:
        with connection(settings) as primary:
            slot = read_slot(settings, primary)
        return slot.active_pid if slot else None

    attempts = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(_SLOT_RELEASE_SECONDS),
        wait=wait_fixed(0.2),
    )
    try:
        attempts(taken_by)
    except RetryError as error:
        said = f'replication slot "{settings.slot_name}" is active for PID'
        reader = error.last_attempt.result()
        raise ConnectorError(explain(f"{said} {reader}", settings)) from error


def _validate(settings: Settings, connect: Connect, config: dict[str, str]) -> None:
    wrong = connect.validate(config)
    if not wrong:
        return
    said = "; ".join(f"{name}: {' '.join(errors)}" for name, errors in wrong.items())
    raise ConnectorError(f"the connector can't be made: {_words(said, settings)}")


def _put(settings: Settings, connect: Connect, config: dict[str, str]) -> None:
    try:
        connect.put_config(config)
    except ConnectorError as error:
        raise ConnectorError(_words(str(error), settings)) from error


def _words(said: str, settings: Settings) -> str:
    return redact(explain(said, settings), settings)


def _wait(settings: Settings, wanted: str, timeout: float, before: str | None = None) -> None:
    """Wait for a state; the failure of before is no new one while a restart may not have begun."""
    connect = _connect(settings)
    last = ConnectorState("unknown")
    begun = monotonic() + _RESTART_SECONDS

    def reached() -> bool:
        nonlocal last
        last = read_connector(settings, connect)
        if last.failure and (last.failure != before or monotonic() > begun):
            raise ConnectorError(
                f"the connector {settings.connector_name!r} failed: {last.failure}"
            )
        return last.all_are(wanted)

    attempts = Retrying(
        retry=retry_if_result(lambda done: not done),
        stop=stop_after_delay(timeout),
        wait=wait_fixed(0.2),
    )
    try:
        attempts(reached)
    except RetryError as error:
        tasks = ", ".join(f"task {task.number} {task.state}" for task in last.tasks) or "no task"
        raise ConnectorError(
            f"the connector {settings.connector_name!r} is not {wanted} after {timeout:g} s:"
            f" it is {last.state}, {tasks}. `tonnage connector status` tells more; an open"
            " transaction on the primary holds the making of a slot back."
        ) from error
