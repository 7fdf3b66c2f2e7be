"""Bad rows, listed openly: the raw event, where it came from, and why it is left out."""

from __future__ import annotations

from stream.domain.published import QuarantineKey, QuarantineValue
from stream.domain.workouts import Origin
from stream.names import Topics
from stream.steps.outputs import as_of, encode_key, encode_value
from stream.steps.step import Message, Record


def quarantine(
    names: Topics, partition: int, record: Record, reason: str | None, origin: Origin
) -> Message:
    """Put a bad row on the list, or, without a reason, take a healed one off."""
    key_text = _text(record.key or b"")
    value = None
    if reason is not None:
        value = encode_value(
            QuarantineValue(
                topic=record.topic,
                partition=partition,
                offset=record.offset,
                key=key_text,
                reason=reason,
                event=None if record.value is None else _text(record.value),
                as_of=as_of(origin),
            )
        )
    key = encode_key(QuarantineKey(record.topic, key_text))
    return Message(names.quarantine, partition, key, value, record.offset)


def set_aside(names: Topics, partition: int, record: Record, reason: str) -> Message:
    """Put a record on the list that a step failed on."""
    return quarantine(names, partition, record, reason, Origin(0, record.timestamp_ms * 1000))


def _text(raw: bytes) -> str:
    """Return bytes as text that PostgreSQL can hold, whatever they are."""
    return raw.decode(errors="replace").replace("\x00", "\ufffd")
