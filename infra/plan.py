"""Steps that need each other: carried out in order, independent ones side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue


@dataclass(frozen=True)
class Step:
    """One thing to do, once all that it needs is done."""

    name: str
    needs: frozenset[str]
    act: Callable[[], object]


def possible(steps: Iterable[Step], given: Iterable[str]) -> list[Step]:
    """Keep the steps whose needs can be met by what is given and by steps before them."""
    met = set(given)
    kept = []
    for step in steps:
        if step.needs <= met:
            met.add(step.name)
            kept.append(step)
    return kept


def carry_out(
    steps: Iterable[Step], given: Iterable[str], seen: Callable[[str, bool], None]
) -> None:
    """Do all steps; tell `seen(name, done)` when one begins and when it is done.

    The first error ends it: no further step begins, and the error is raised at once, while
    steps that have begun may still go on (in daemon threads, which end with the process).
    """
    waiting = list(steps)
    done = set(given)
    running = 0
    results: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()
    while waiting or running:
        for step in [step for step in waiting if step.needs <= done]:
            waiting.remove(step)
            running += 1
            seen(step.name, False)  # noqa: FBT003 - the callback's second argument is named above
            threading.Thread(target=_attempt, args=(step, results), daemon=True).start()
        name, error = results.get()
        if error is not None:
            raise error
        running -= 1
        done.add(name)
        seen(name, True)  # noqa: FBT003


def _attempt(step: Step, results: SimpleQueue[tuple[str, BaseException | None]]) -> None:
    try:
        step.act()
    except BaseException as error:  # noqa: BLE001 - raised again where the steps are awaited
        results.put((step.name, error))
    else:
        results.put((step.name, None))
