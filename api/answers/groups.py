"""Answers about muscle groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from api import models, queries, rows
from api.answers.plan import Plan, filled
from api.parameters import RECENT, THRESHOLD, WEEKS, Ask
from api.problems import invalid
from api.spans import Span
from stream.domain.balance import MUSCLE_GROUPS, balance, balance_score
from stream.domain.exact import ZERO, total
from stream.domain.shares import change, percentage, share
from stream.domain.weeks import local_day


def muscle_groups(ask: Ask) -> Plan[rows.VolumeOfGroup]:
    """Volume and its percentage by muscle group, over a range of weeks."""

    def build(found: list[rows.VolumeOfGroup]) -> models.MuscleGroups:
        return models.MuscleGroups(_shares({row.muscle_group: row.volume for row in found}))

    return Plan(queries.MUSCLE_GROUPS, ask.span().arguments(), build)


def muscle_groups_summary(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Volume and its percentage by muscle group, of this week and the last."""
    current, last = ask.running_week, ask.running_week.previous()

    def build(found: list[rows.GroupsOfWeek]) -> models.MuscleGroupsSummary:
        volumes = {row.iso_week: row.volume_by_muscle_group for row in found}
        this = volumes.get(current, {})
        return models.MuscleGroupsSummary(
            current_week=_shares(this),
            last_week=_shares(volumes.get(last, {})),
            balance_score=balance_score(this),
        )

    return Plan(queries.WEEKLY_GROUPS, Span(last, current).arguments(), build)


def muscle_groups_comparison(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Volume by muscle group of this week against the last."""
    current, last = ask.running_week, ask.running_week.previous()

    def build(found: list[rows.GroupsOfWeek]) -> models.GroupComparison:
        weeks = {row.iso_week: row for row in found}
        now = weeks.get(current) or rows.GroupsOfWeek(*current)
        before = weeks.get(last) or rows.GroupsOfWeek(*last)
        this, that = now.volume_by_muscle_group, before.volume_by_muscle_group
        return models.GroupComparison(
            thisWeek=str(current),
            lastWeek=str(last),
            this=this,
            last=that,
            deltaPct={
                group: change(this.get(group, ZERO), that.get(group, ZERO))
                for group in sorted(this.keys() | that.keys())
            },
            topGroup=_top(this),
            totals=models.Totals(
                now.total_volume,
                before.total_volume,
                change(now.total_volume, before.total_volume),
            ),
            partial=True,
        )

    return Plan(queries.WEEKLY_GROUPS, Span(last, current).arguments(), build)


def muscle_groups_weekly(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Volume, sessions and sets by muscle group, of each week."""
    span = ask.span()

    def build(found: list[rows.GroupsOfWeek]) -> models.WeeklyGroups:
        return models.WeeklyGroups(
            [
                models.WeekGroups(
                    week=str(row.iso_week),
                    weekStart=row.iso_week.monday,
                    groups=row.volume_by_muscle_group,
                    sessions=row.sessions_by_muscle_group,
                    sets=row.sets_by_muscle_group,
                    total=row.total_volume,
                    partial=row.iso_week == ask.running_week,
                )
                for row in filled(found, ask, span, rows.GroupsOfWeek)
            ]
        )

    return Plan(queries.WEEKLY_GROUPS, span.arguments(), build)


def muscle_groups_balance(ask: Ask) -> Plan[rows.GroupsOfWeek]:
    """Each group's share of the last weeks' volume, against its share of all of them."""
    weeks, recent, threshold = ask[WEEKS], ask[RECENT], ask[THRESHOLD]
    if recent > weeks:
        raise invalid("recent", f"recent: {recent} is more than the {weeks} weeks of the baseline")
    running = ask.running_week
    span, since = Span(running.shift(1 - weeks), running), running.shift(1 - recent)

    def build(found: list[rows.GroupsOfWeek]) -> models.GroupBalance:
        shifts = balance(
            _sums(row.volume_by_muscle_group for row in found),
            _sums(row.volume_by_muscle_group for row in found if row.iso_week >= since),
            threshold,
        )
        return models.GroupBalance(
            baselineShare={group: share(shift.baseline) for group, shift in shifts.items()},
            currentShare={group: share(shift.recent) for group, shift in shifts.items()},
            status={group: shift.status.value for group, shift in shifts.items()},
            weeks=weeks,
            recent=recent,
            threshold=threshold,
        )

    return Plan(queries.WEEKLY_GROUPS, span.arguments(), build)


def muscle_groups_recency(ask: Ask) -> Plan[rows.LastTrained]:
    """Days since each muscle group was last trained."""

    def build(found: list[rows.LastTrained]) -> models.Recency:
        last = {row.muscle_group: local_day(row.last_trained, ask.zone) for row in found}
        return models.Recency(
            {
                group: models.GroupRecency(
                    days=max(0, (ask.today - last[group]).days) if group in last else None,
                    date=last.get(group),
                )
                for group in (*MUSCLE_GROUPS, *sorted(last.keys() - set(MUSCLE_GROUPS)))
            }
        )

    return Plan(queries.LAST_TRAINED, {}, build)


def _top(volumes: Mapping[str, Decimal]) -> str | None:
    """Return the group of most volume, the first by name of equals; None without volume."""
    lifted = [group for group, volume in volumes.items() if volume > 0]
    return min(lifted, key=lambda group: (-volumes[group], group), default=None)


def _shares(volumes: Mapping[str, Decimal]) -> dict[str, models.GroupVolume]:
    whole = total(volumes.values())
    return {
        group: models.GroupVolume(volume, percentage(volume, whole))
        for group, volume in volumes.items()
    }


def _sums(weeks: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    gathered: dict[str, list[Decimal]] = {}
    for volumes in weeks:
        for group, volume in volumes.items():
            gathered.setdefault(group, []).append(volume)
    return {group: total(each) for group, each in gathered.items()}
