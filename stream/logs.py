"""Logs of every program: lines for people, or by TONNAGE_LOG=json an object each.

What a line is about stands in fields of its own: give `extra={"topic": …, "partition": …,
"offset": …}` to the logger. While a request is answered, its id is in each line.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.config import dictConfig
from typing import Any

import msgspec

from stream.settings import Settings

TEXT = "[%(asctime)s] [%(process)d] %(levelname)s %(message)s"

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered."""

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "data"}
_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonFormatter(logging.Formatter):
    """A line as a JSON object; times are ISO 8601 in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record down."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if (request := request_id.get()) is not None:
            line["request_id"] = request
        line |= {name: each for name, each in vars(record).items() if name not in _OF_EVERY_RECORD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def configuration(settings: Settings) -> dict[str, Any]:
    """Return what `logging.config.dictConfig` takes."""
    formatter = {"text": {"format": TEXT}, "json": {"()": JsonFormatter}}[settings.log]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": formatter},
        "handlers": {"default": {"class": "logging.StreamHandler", "formatter": "default"}},
        "root": {"level": settings.log_level, "handlers": ["default"]},
    }


def set_up(settings: Settings) -> None:
    """Let this program log as the settings say."""
    dictConfig(configuration(settings))
