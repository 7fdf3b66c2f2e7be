"""`tonnage demo`: the whole way, from real logs in the primary to figures over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from api.client import Analytics
from api.security import make_token
from infra import caught_up, stack
from infra.charts import (
    Share,
    Week,
    shares_of,
    shares_table,
    weeks_chart,
    weeks_of,
    weeks_table,
)
from infra.commands.load import load_file, print_report
from infra.commands.stack import Watch
from infra.home import Home
from stream.settings import Settings, load_settings

_TABLE_WEEKS = 8
_CHART_WEEKS = 26
_WIDEST_CHART = 110


@dataclass(frozen=True, slots=True)
class Person:
    """What the API tells of a user: the weeks up to the last one trained, and its groups."""

    name: str
    user_id: int
    token: str
    weeks: list[Week]
    muscle_groups: dict[str, Share]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo_command)


def demo_command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Start the local stack, load real workout logs, and show what the API says of them."""
    watch = Watch()
    with watch.progress:
        stack.up(Home.at(load_settings().home), seen=watch.seen)
    settings = load_settings()
    with as_file(files("infra").joinpath("data/logs")) as folder:
        reports = [load_file(settings, path) for path in sorted(folder.glob("*.jsonl"))]
    caught_up.wait(settings)
    people = [
        _ask(settings, name, user_id, report.until)
        for report in reports
        if report.until is not None
        for name, user_id in report.users.items()
    ]
    if as_json:
        described = {"api_url": settings.need("api_url"), "users": people}
        # A figure is a JSON number with every digit, which the standard library can't write.
        written = msgspec.json.Encoder(decimal_format="number").encode(described)
        print(msgspec.json.format(written, indent=2).decode())
    else:
        for report in reports:
            print_report(report)
        _show(settings, people)


def _ask(settings: Settings, name: str, user_id: int, until: datetime) -> Person:
    """Ask as the user would: over HTTP, with the user's own token."""
    token = make_token(settings, user_id)
    end = until.astimezone(settings.zone).date()
    start = end - timedelta(weeks=_CHART_WEEKS - 1)
    with Analytics.at(settings.need("api_url"), token) as ask:
        weeks = weeks_of(ask.weekly_volume(start, end, fill="zero").data)
        return Person(name, user_id, token, weeks, shares_of(ask.muscle_groups(start, end).data))


def _show(settings: Settings, people: Sequence[Person]) -> None:
    """Show everyone's last weeks, and more of the one who trained most in them."""
    console = Console()
    for person in people:
        title = f"{person.name} (user {person.user_id}): the last weeks of the log"
        console.print(weeks_table(title, person.weeks[-_TABLE_WEEKS:]))
    most = max(people, key=lambda each: sum(week.workouts for week in each.weeks))
    width = min(console.width, _WIDEST_CHART)
    chart = weeks_chart(f"{most.name}: volume a week, in thousands", most.weeks, width)
    console.print(chart, style="cyan", highlight=False, markup=False)
    console.print(shares_table(f"{most.name}: muscle groups in these weeks", most.muscle_groups))
    address = settings.need("api_url")
    print(f"A token of {most.name} (user {most.user_id}), good for a day:\n{most.token}")
    print(f"The dashboard: {address}/#token={most.token}")
    print(f"The API: curl -H 'Authorization: Bearer TOKEN' '{address}/v1/users/me/records'")
