"""A publisher that publishes nothing: a generation that is being built says nothing yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream.publisher import Offsets
from stream.upserts import Row


class Unpublished:
    """Takes what the sink gives it, and keeps it to itself."""

    async def restart(self) -> None:
        """Forget nothing."""

    async def publish(
        self, epoch: int | None, before: Offsets, accepted: Mapping[str, Iterable[Row]]
    ) -> None:
        """Publish nothing."""

    async def tend(self, epoch: int | None, positions: Offsets) -> None:
        """Tend nothing."""

    async def look(self) -> None:
        """Look nowhere."""
