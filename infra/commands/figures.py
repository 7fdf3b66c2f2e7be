"""`tonnage weeks`, `records`, `balance`: what the API answers, as tables and charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from infra.analytics import Analytics, analytics, shares_of, weeks_of
from infra.charts import (
    Balance,
    Record,
    balance_table,
    records_table,
    shares_table,
    weeks_chart,
    weeks_table,
)
from stream.settings import load_settings

_WIDEST_CHART = 110

User = Annotated[int, typer.Option("--user", min=1, metavar="N", help="The user's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what the API answers.")]
Start = Annotated[str | None, typer.Option(help="First week: 2026-W01, or a date in it.")]
End = Annotated[str | None, typer.Option(help="Last week; default the running one.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("weeks")(weeks)
    app.command("records")(records)
    app.command("balance")(balance)


def weeks(user: User, start: Start = None, end: End = None, *, as_json: AsJson = False) -> None:
    """Show a user's volume and workouts by week, and by muscle group."""
    with _asking(user) as ask:
        answer = ask.answer("weekly-volume", start=start, end=end, fill="zero")
        groups = ask.answer("muscle-groups", start=start, end=end)
    if as_json:
        _print_json(answer | groups)
        return
    console, found = Console(), weeks_of(answer)
    console.print(weeks_table(f"User {user}", found))
    width = min(console.width, _WIDEST_CHART)
    chart = weeks_chart("Volume a week, in thousands", found, width)
    console.print(chart, style="cyan", highlight=False, markup=False)
    console.print(shares_table("Muscle groups in these weeks", shares_of(groups)))
    _print_freshness(console, answer)


def records(
    user: User,
    exercise: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only this exercise.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="As of the end of a day: 2026-01-05.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a user's personal records, with the workout and set that hold them."""
    question = "records" if exercise is None else f"records/{exercise}"
    with _asking(user) as ask:
        answer = ask.all_pages(question, "records", at=at)
    if as_json:
        _print_json(answer)
        return
    console = Console()
    console.print(records_table(f"User {user}", [_record(each) for each in answer["records"]]))
    console.print(
        f"estimated_1rm: {answer['formula']}, for 1…{answer['e1rm_max_reps']} repetitions"
    )
    _print_freshness(console, answer)


def balance(
    user: User,
    weeks: Annotated[int, typer.Option(min=1, help="Weeks of the baseline.")] = 8,
    recent: Annotated[int, typer.Option(min=1, help="How many of them are recent.")] = 2,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Part by which a share may differ.")
    ] = 0.2,
    *,
    as_json: AsJson = False,
) -> None:
    """Show each muscle group's share of the last weeks against its share of the baseline."""
    with _asking(user) as ask:
        answer = ask.answer(
            "muscle-groups/balance", weeks=weeks, recent=recent, threshold=threshold
        )
    if as_json:
        _print_json(answer)
        return
    console = Console()
    groups = {
        group: Balance(share, answer["currentShare"][group], answer["status"][group])
        for group, share in answer["baselineShare"].items()
    }
    title = f"User {user}: the last {recent} of {weeks} weeks"
    console.print(balance_table(title, groups))
    _print_freshness(console, answer)


@contextmanager
def _asking(user: int) -> Iterator[Analytics]:
    settings = load_settings()
    with analytics(settings.need("api_url"), settings.need("api_admin_token"), str(user)) as ask:
        yield ask


def _record(each: Mapping[str, Any]) -> Record:
    lift = ""
    if each["reps"] is not None and each["evidence"]["set"] is not None:
        lift = f"{each['reps']} × {each['weight']:,f}" if each["weight"] is not None else ""
    return Record(
        exercise=each["exercise"] or f"exercise {each['exercise_id']}",
        kind=each["kind"],
        value=each["value"],
        lift=lift,
        day=each["evidence"]["date"][:10],
        workout=int(each["evidence"]["workout_id"]),
    )


def _print_json(answer: object) -> None:
    # A figure is a JSON number with every digit, which the standard library can't write.
    written = msgspec.json.Encoder(decimal_format="number").encode(answer)
    print(msgspec.json.format(written, indent=2).decode())


def _print_freshness(console: Console, answer: Mapping[str, Any]) -> None:
    """Say how far the figures can be trusted."""
    meta = answer["meta"]
    if meta["stale"]:
        console.print(f"Stale: {meta['reason']}", style="bold yellow", markup=False)
    else:
        console.print(f"As of {meta['as_of']['time']}", style="dim", markup=False)
    if meta["quarantined"]:
        console.print(f"{meta['quarantined']} rows are left out: they can't be counted")
