"""`tonnage stream reset` and `rollback`: build again, switch, switch back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from kafka.errors import KafkaError

from infra import caught_up
from infra.commands.watched import watched
from infra.errors import TonnageError
from infra.home import Home
from infra.progress import records
from infra.rebuild import (
    Rebuilt,
    alone,
    begun,
    give_up,
    needed,
    rebuild,
    roll_back,
)
from infra.workers import paused
from stream.generations import Connection, Generation
from stream.refill import Differing, refill
from stream.reset import publish_again, rebuilding, throw_away
from stream.settings import Settings, load_settings

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]


class Way(StrEnum):
    """How to build again."""

    BESIDE = "beside"
    FROM_SOURCE = "from-source"
    IN_PLACE = "in-place"
    READ_STORE = "read-store"
    USER = "user"
    GIVE_UP = "give-up"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(reset)
    app.command()(rollback)


def reset(
    *,
    from_source: Annotated[
        bool, typer.Option("--from-source", help="Take a new snapshot of the primary.")
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Stop the workers and build again in place.")
    ] = False,
    read_store: Annotated[
        bool, typer.Option("--read-store", help="Fill the read store again from the topics.")
    ] = False,
    user: Annotated[
        int | None, typer.Option("--user", metavar="N", help="Put one user's figures right.")
    ] = None,
    abandon: Annotated[
        bool, typer.Option("--give-up", help="Drop what an interrupted rebuild has begun.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    yes: Yes = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait until caught up, with --in-place.")
    ] = 600,
    as_json: AsJson = False,
) -> None:
    """Build everything again beside what serves, compare, then switch.

    The figures of before are served until the new ones are as far. Interrupt it at any time:
    the next `reset` goes on where it was. `tonnage stream rollback` switches back.

    For example:

    tonnage stream reset --yes

    tonnage stream reset --from-source

    tonnage stream reset --read-store

    tonnage stream reset --user 4

    tonnage stream reset --dry-run
    """
    way = _way(
        {
            Way.FROM_SOURCE: from_source,
            Way.IN_PLACE: in_place,
            Way.READ_STORE: read_store,
            Way.USER: user is not None,
            Way.GIVE_UP: abandon,
        }
    )
    settings = load_settings()
    with alone(settings) as connection:
        if dry_run:
            _dry(settings, connection, way, user, as_json=as_json)
            return
        if way is Way.GIVE_UP:
            found = give_up(settings, connection)
            typer.echo(f"Generation {found.number} is dropped." if found else "Nothing was begun.")
            return
        if not yes:
            typer.confirm(f"{_plan(settings, connection, way, user)} Go on?", abort=True)
        if way is Way.IN_PLACE:
            _in_place(settings, needed(connection), timeout)
            return
        if way in (Way.READ_STORE, Way.USER):
            serving = needed(connection)
            differing = _fill(settings, connection, serving, user, dry=False)
            body = {"generation": serving.number, "differences": _counts(differing)}
            said = f"The tables are filled again. Other than before: {_counted(differing)}."
            typer.echo(json.dumps(body) if as_json else said)
            return
        with watched() as seen:
            done = rebuild(settings, connection, seen, source=from_source)
    typer.echo(json.dumps(asdict(done), default=str) if as_json else _told(done))


def rollback(*, yes: Yes = False, as_json: AsJson = False) -> None:
    """Let the generation that served before serve again; it was kept up to date for that.

    Example: tonnage stream rollback --yes
    """
    settings = load_settings()
    with alone(settings) as connection:
        if not yes:
            typer.confirm("Serve the figures of the generation before?", abort=True)
        with watched() as seen:
            back = roll_back(connection, seen)
    body = {"generation": back.number}
    typer.echo(json.dumps(body) if as_json else f"Generation {back.number} serves again.")


def _way(asked: Mapping[Way, bool]) -> Way:
    """Return the one way that is asked for."""
    chosen = [way for way, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    return chosen[0] if chosen else Way.BESIDE


def _dry(
    settings: Settings, connection: Connection, way: Way, user: int | None, *, as_json: bool
) -> None:
    """Say what would happen, and which rows of a read store would change."""
    body: dict[str, object] = {"would": _plan(settings, connection, way, user)}
    lines = [str(body["would"])]
    if way in (Way.READ_STORE, Way.USER):
        differing = _fill(settings, connection, needed(connection), user, dry=True)
        body["differences"] = _counts(differing)
        lines.append(f"Would change: {_counted(differing)}.")
        if user is not None:
            body["rows"] = differing
            lines += [
                " ".join([table, *(f"{name}={value}" for name, value in key.items())])
                for table, keys in differing.items()
                for key in keys
            ]
    typer.echo(json.dumps(body) if as_json else "\n".join(lines))


def _fill(
    settings: Settings,
    connection: Connection,
    serving: Generation,
    user: int | None,
    *,
    dry: bool,
) -> Differing:
    try:
        with watched() as seen:
            return refill(settings, connection, serving, partial(seen, "filling"), user, dry=dry)
    except KafkaError as error:
        raise TonnageError(
            f"what generation {serving.number} has said can't be read: {error}; the tables are as"
            " they were"
        ) from error


def _plan(settings: Settings, connection: Connection, way: Way, user: int | None = None) -> str:
    serving = needed(connection)
    building = begun(connection)
    if way is Way.GIVE_UP:
        return f"Generation {building.number} is dropped." if building else "Nothing was begun."
    if way is Way.IN_PLACE:
        return (
            f"Generation {serving.number} is thrown away and built again in its place; until then"
            " answers are stale."
        )
    if way in (Way.READ_STORE, Way.USER):
        what = f"user {user}'s rows" if way is Way.USER else "all tables"
        return (
            f"This fills {what} of generation {serving.number} again, from what it has said; it"
            " serves all the while."
        )
    what = f"goes on with generation {building.number}" if building else "begins a generation"
    if way is Way.FROM_SOURCE:
        how = "from a new snapshot of the primary, by a connector and a slot of its own"
    else:
        how = f"from the {records(settings, serving)[1]:,} records of the source topics"
    return (
        f"This {what}, {how}, beside generation {serving.number}, which serves until the new one"
        " is as far."
    )


def _in_place(settings: Settings, serving: Generation, timeout: float) -> None:
    with rebuilding(settings, "the figures are being built again in place"):
        with paused(Home.at(settings.home)):
            throw_away(settings, serving)
        caught_up.wait(settings, timeout=timeout, despite_incidents=True)
        publish_again(settings, serving)
    typer.echo(f"Generation {serving.number} is built again and serves.")


def _counts(differing: Differing) -> dict[str, int]:
    return {table: len(keys) for table, keys in differing.items()}


def _counted(differing: Differing) -> str:
    counts = _counts(differing).items()
    return ", ".join(f"{count:,} {table}" for table, count in counts) or "nothing"


def _told(done: Rebuilt) -> str:
    counts = [
        f"{count:,} {table} {kind}"
        for table, kinds in done.differences.items()
        for kind, count in kinds.items()
    ]
    found = f"{', '.join(counts)}; all in {done.file}" if counts else "no difference"
    return (
        f"Generation {done.generation} serves. Against the one before: {found}."
        f" Published: {done.changed:,} values, {done.gone:,} tombstones."
    )
