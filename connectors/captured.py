"""What is captured: the app's three tables with the columns that are used, and our heartbeat."""

from __future__ import annotations

from dataclasses import dataclass

from stream.settings import Settings

HEARTBEAT_SCHEMA = "tonnage"
HEARTBEAT_TABLE = "heartbeat"

_COLUMNS = {
    "exercise": ("id", "name", "muscle_group", "owner_id", "is_custom"),
    "workout": ("id", "user_id", "date", "name"),
    "performed": ("id", "workout_id", "exercise_id", "reps_per_set", "weights_per_set"),
}

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = ("character varying", "text")
_LISTS = ("jsonb", "json")
_TYPES = {
    "exercise": {"id": _INTEGERS, "name": _TEXTS, "muscle_group": _TEXTS},
    "workout": {"id": _INTEGERS, "user_id": _INTEGERS, "date": ("timestamp with time zone",)},
    "performed": {
        "id": _INTEGERS,
        "workout_id": _INTEGERS,
        "exercise_id": _INTEGERS,
        "reps_per_set": _LISTS,
        "weights_per_set": _LISTS,
    },
}


@dataclass(frozen=True)
class CapturedTable:
    """A table of the primary, under the names it has there; `kind` is what we call it."""

    kind: str
    schema: str
    name: str
    columns: tuple[str, ...]
    setting: str
    """The variable that names this table, for messages."""
    types: dict[str, tuple[str, ...]]
    """Columns that figures are made from, and the types that they may have."""

    @property
    def qualified(self) -> str:
        """Schema and name, for people."""
        return f"{self.schema}.{self.name}"

    @property
    def id_column(self) -> str:
        """The column of the primary key."""
        return self.columns[0]


def captured_tables(settings: Settings) -> tuple[CapturedTable, ...]:
    """Return the app's captured tables, named as the settings say."""
    names = {
        "exercise": settings.exercise_table,
        "workout": settings.workout_table,
        "performed": settings.performed_table,
    }
    return tuple(
        CapturedTable(
            ours,
            settings.source_schema,
            name,
            tuple(settings.column(ours, column) for column in _COLUMNS[ours]),
            f"TONNAGE_{ours.upper()}_TABLE",
            {settings.column(ours, column): types for column, types in _TYPES[ours].items()},
        )
        for ours, name in names.items()
    )


def published_tables(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return (schema, table) of all that the publication holds: the captured and our heartbeat."""
    captured = tuple((each.schema, each.name) for each in captured_tables(settings))
    return (*captured, (HEARTBEAT_SCHEMA, HEARTBEAT_TABLE))
