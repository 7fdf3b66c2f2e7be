"""The progress of long work, where a person watches; elsewhere a line for each thing begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from infra.progress import Seen


class _Rate(ProgressColumn):
    """Records a second."""

    def render(self, task: Task) -> Text:
        """Show it where there is one."""
        return Text(f"{task.speed:,.0f}/s" if task.speed and task.total else "")


@contextmanager
def watched() -> Iterator[Seen]:
    """Show where a person watches what is being done, how fast, and how much is left."""
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task("beginning", total=None)
        last = ""

        def seen(what: str, done: int, total: int) -> None:
            nonlocal last
            if what != last and not console.is_terminal:
                console.print(what, highlight=False)
            if what != last:
                progress.reset(task)
            last = what
            progress.update(task, description=what, completed=done, total=total or None)

        yield seen
