"""`tonnage weeks`, `records`, `balance`: what the API answers, as tables and charts."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from api import models, rows
from api.client import Analytics, Answer, pages
from api.freshness import Meta
from infra.charts import (
    Balance,
    Record,
    balance_table,
    records_table,
    shares_of,
    shares_table,
    weeks_chart,
    weeks_of,
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
        answer = ask.weekly_volume(start, end, fill="zero")
        groups = ask.muscle_groups(start, end)
    if as_json:
        _print_json(_said(answer) | _said(groups))
        return
    console, found = Console(), weeks_of(answer.data)
    console.print(weeks_table(f"User {user}", found))
    width = min(console.width, _WIDEST_CHART)
    chart = weeks_chart("Volume a week, in thousands", found, width)
    console.print(chart, style="cyan", highlight=False, markup=False)
    console.print(shares_table("Muscle groups in these weeks", shares_of(groups.data)))
    _print_freshness(console, answer.meta)


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
    with _asking(user) as ask:
        answers: list[Answer[models.Records]] = [*pages(ask.records, exercise, at=at)]
    last = answers[-1]
    held = [each for answer in answers for each in answer.data.records]
    if as_json:
        _print_json(_said(last) | {"records": held})
        return
    console = Console()
    console.print(records_table(f"User {user}", [_record(each) for each in held]))
    console.print(
        f"estimated_1rm: {last.data.formula}, for 1…{last.data.e1rm_max_reps} repetitions"
    )
    _print_freshness(console, last.meta)


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
        answer = ask.muscle_groups_balance(weeks, recent, threshold)
    if as_json:
        _print_json(_said(answer))
        return
    console, found = Console(), answer.data
    groups = {
        group: Balance(share, found.currentShare[group], found.status[group])
        for group, share in found.baselineShare.items()
    }
    title = f"User {user}: the last {recent} of {weeks} weeks"
    console.print(balance_table(title, groups))
    _print_freshness(console, answer.meta)


def _asking(user: int) -> Analytics:
    settings = load_settings()
    return Analytics.at(settings.need("api_url"), settings.need("api_admin_token"), user)


def _record(each: rows.Record) -> Record:
    lift = ""
    if each.reps is not None and each.weight is not None and each.evidence.set is not None:
        lift = f"{each.reps} × {each.weight:,f}"
    return Record(
        exercise=each.exercise or f"exercise {each.exercise_id}",
        kind=each.kind,
        value=each.value,
        lift=lift,
        day=each.evidence.date.date().isoformat(),
        workout=each.evidence.workout_id,
    )


def _said(answer: Answer[Any]) -> dict[str, Any]:
    """Return an answer as the API said it."""
    parts = (answer.data, {"meta": answer.meta})
    told: list[dict[str, Any]] = [
        msgspec.to_builtins(part, builtin_types=(Decimal,)) for part in parts
    ]
    return told[0] | told[1]


def _print_json(answer: object) -> None:
    # A figure is a JSON number with every digit, which the standard library can't write.
    written = msgspec.json.Encoder(decimal_format="number").encode(answer)
    print(msgspec.json.format(written, indent=2).decode())


def _print_freshness(console: Console, meta: Meta) -> None:
    """Say how far the figures can be trusted."""
    if meta.stale:
        console.print(f"Stale: {meta.reason}", style="bold yellow", markup=False)
    elif meta.as_of.time is not None:
        time = meta.as_of.time.isoformat().replace("+00:00", "Z")
        console.print(f"As of {time}", style="dim", markup=False)
    if meta.quarantined:
        console.print(f"{meta.quarantined} rows are left out: they can't be counted")
