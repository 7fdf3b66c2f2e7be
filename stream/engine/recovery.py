"""Faust's recovery, with the state of steps in place of its tables'.

Faust resumes source partitions before it seeks to the committed positions (0.15.3:
`Recovery._resume_streams`, `on_recovery_completed`). Records that are fetched in between come
from wherever the fetcher stood, and a commit in that window makes the group never commit
again. Here the state is restored first, then positions are sought, then partitions resume.
"""

from __future__ import annotations

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery


class StepRecovery(Recovery):  # type: ignore[misc]
    """Restores steps' state after a rebalance, then lets input go on."""

    async def _resume_streams(self, generation_id: int = 0) -> None:
        app, consumer = self.app, self.app.consumer
        await app.on_rebalance_complete.send()
        assignment = consumer.assignment()
        await self._wait(app.keeper.own({tp.partition for tp in assignment}))
        if app.consumer_generation_id != generation_id:
            return
        if assignment:
            await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
            consumer.resume_partitions(assignment)
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()  # noqa: SLF001 - as Faust itself does
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()


class StepTableManager(TableManager):  # type: ignore[misc]
    """Faust's manager of tables, of which there are none; it runs the recovery."""

    async def on_start(self) -> None:
        """Start the recovery; Faust waits a second before, for tables to be declared."""
        await self._update_channels()
        await self.recovery.start()

    @property
    def recovery(self) -> Any:
        """The recovery service."""
        if self._recovery is None:  # type: ignore[has-type]
            self._recovery = StepRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
