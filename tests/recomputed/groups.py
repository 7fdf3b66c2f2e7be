"""Answers about muscle groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from tests.recomputed.asking import Answer, Asked, Asking, delta, percentage
from tests.recomputed.history import Row, by_group, later, monday, named

SIX = ("chest", "back", "shoulders", "arms", "legs", "core")


def shares(volumes: Mapping[str, Fraction]) -> Row:
    whole = sum(volumes.values(), Fraction())
    return {
        group: {"volume": volume, "percentage": percentage(volume, whole)}
        for group, volume in volumes.items()
    }


def evenness(volumes: Mapping[str, Fraction]) -> Decimal | None:
    """Return Pielou's evenness over the six groups, by logarithms of 28 digits."""
    held = [volumes[group] for group in SIX if volumes.get(group, 0) > 0]
    if not held:
        return None
    parts = [each / sum(held) for each in held]
    decimals = [Decimal(each.numerator) / each.denominator for each in parts]
    entropy = sum(-each * each.ln() for each in decimals)
    return round(100 * entropy / Decimal(6).ln(), 1)


def muscle_groups(at: Asking, asked: Asked) -> Answer:
    return {"muscle_groups": shares(by_group(at.history.between(*at.span(asked))))}


def summary(at: Asking, asked: Asked) -> Answer:
    del asked
    this = by_group(at.of_week(at.running))
    return {
        "current_week": shares(this),
        "last_week": shares(by_group(at.of_week(later(at.running, -1)))),
        "balance_score": evenness(this),
    }


def groups_by_week(at: Asking, asked: Asked) -> Answer:
    rows = []
    for week in at.shown(asked):
        sets: dict[str, int] = defaultdict(int)
        sessions: dict[str, set[int]] = defaultdict(set)
        for workout in at.of_week(week):
            for each in workout.done:
                sets[each.group] += len(each.sets)
                sessions[each.group].add(workout.id)
        row = {
            "week": named(week),
            "weekStart": monday(week).isoformat(),
            "groups": by_group(at.of_week(week)),
            "sessions": {group: len(each) for group, each in sessions.items()},
            "sets": dict(sets),
            "total": at.volume(week),
        }
        rows.append(row | at.partial(week))
    return {"weekly": rows}


def comparison(at: Asking, asked: Asked) -> Answer:
    del asked
    week, before = at.running, later(at.running, -1)
    this, last = by_group(at.of_week(week)), by_group(at.of_week(before))
    lifted = sorted((-volume, group) for group, volume in this.items() if volume > 0)
    now, then = at.volume(week), at.volume(before)
    return {
        "thisWeek": named(week),
        "lastWeek": named(before),
        "this": this,
        "last": last,
        "deltaPct": {
            group: delta(this.get(group, Fraction()), last.get(group, Fraction()))
            for group in {*this, *last}
        },
        "topGroup": lifted[0][1] if lifted else None,
        "totals": {"this": now, "last": then, "deltaPct": delta(now, then)},
        "partial": True,
    }


def balance(at: Asking, asked: Asked) -> Answer:
    weeks, recent = int(asked.get("weeks", 8)), int(asked.get("recent", 2))
    threshold = Fraction(asked.get("threshold", "0.2"))

    def parts(count: int) -> dict[str, Fraction]:
        since = later(at.running, 1 - count)
        volumes = by_group(at.history.between(since, at.running))
        whole = sum((volumes.get(group, Fraction()) for group in SIX), Fraction())
        return {g: volumes.get(g, Fraction()) / whole if whole else Fraction() for g in SIX}

    def status(before: Fraction, now: Fraction) -> str:
        if now < before * (1 - threshold):
            return "undertrained"
        return "overemphasized" if now > before * (1 + threshold) else "ok"

    baseline, current = parts(weeks), parts(recent)
    return {
        "baselineShare": {group: round(part, 4) for group, part in baseline.items()},
        "currentShare": {group: round(part, 4) for group, part in current.items()},
        "status": {group: status(baseline[group], current[group]) for group in SIX},
        "weeks": weeks,
        "recent": recent,
        "threshold": threshold,
    }


def recency(at: Asking, asked: Asked) -> Answer:
    del asked
    last = {each.group: workout.day for workout in at.history.workouts
            for each in workout.done}  # fmt: skip
    return {
        "recency": {
            group: {
                "days": max(0, (at.today - last[group]).days) if group in last else None,
                "date": last[group].isoformat() if group in last else None,
            }
            for group in {*SIX, *last}
        }
    }
