"""`tonnage verify`: whether the read store is what the primary says it should be."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

from infra import caught_up
from infra.differences import Difference
from infra.verify import sample_users, verify, verify_against
from stream.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify_command)


def verify_command(
    user: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Only this user; may be repeated.")
    ] = None,
    sample: Annotated[
        float | None,
        typer.Option(metavar="P", min=0, max=100, help="Only P percent of the users, by chance."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE", help="Compare with the app's own WeeklyStats in the primary instead."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until the read store has caught up.")
    ] = 120,
    *,
    wait: Annotated[bool, typer.Option(help="Wait until the read store has caught up.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Recompute every figure from the primary and print each one that is not so served.

    The source must be quiet meanwhile: what is written after the wait may show as a difference.
    Exits 1 if there is any difference.
    """
    settings = load_settings()
    if user and sample is not None:
        raise typer.BadParameter("--user and --sample exclude each other")
    if wait and against is None:
        caught_up.wait(settings, timeout=timeout)
    users = user or (None if sample is None else sample_users(settings, sample))
    compared: Counter[str] = Counter()
    found = (
        verify(settings, users, compared)
        if against is None
        else verify_against(settings, against, users, compared)
    )
    with _watched(compared):
        count = (_print_json if as_json else _print_text)(found, compared, users)
    if count:
        raise typer.Exit(1)


def _print_json(
    found: Iterable[Difference], compared: Counter[str], users: Sequence[int] | None
) -> int:
    differences = [asdict(each) for each in found]
    result = {
        "ok": not differences,
        "users": users,
        "compared": compared,
        "differences": differences,
    }
    print(json.dumps(result, indent=2))
    return len(differences)


def _print_text(
    found: Iterable[Difference], compared: Counter[str], users: Sequence[int] | None
) -> int:
    count = 0
    for count, difference in enumerate(found, start=1):  # noqa: B007 - the last one is the count
        print(difference)
    whom = "all users" if users is None else f"{len(users)} users"
    print(f"{count or 'No'} difference{'s' * (count != 1)}; {whom}, compared: {_Rows(compared)}")
    return count


@dataclass(frozen=True, slots=True)
class _Rows:
    """How many rows have been compared; the progress display writes it anew as it grows."""

    compared: Counter[str]

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {table}" for table, count in self.compared.items()) or "none"

    def __rich__(self) -> str:
        return f"Compared: {self}"


@contextmanager
def _watched(compared: Counter[str]) -> Iterator[None]:
    """Show where a person watches how far it is; output that goes to a file stays there."""
    shown = Spinner("dots", _Rows(compared))
    with Live(
        shown, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ):
        yield
