"""A stand-in for the publisher where a test looks at the read store alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream.publisher import Offsets, Row


class Unpublished:
    """Publishes nothing."""

    async def restart(self) -> None:
        """Have nothing to forget."""

    async def publish(
        self, epoch: int | None, before: Offsets, accepted: Mapping[str, Iterable[Row]]
    ) -> None:
        """Drop what was accepted."""

    async def tend(self, epoch: int | None, positions: Offsets) -> None:
        """Find nothing due."""

    async def look(self) -> None:
        """See nobody."""
