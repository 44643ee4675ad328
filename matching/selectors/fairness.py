"""What the audit of fair housing shows: homes of which areas people were shown, of how many."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db.models import Count, Q

from leads import figures
from leads.models import Tenant
from matching.fairness import Group, Screen, four_fifths, ratio_intervals
from matching.models import (
    AreaGroup,
    AreaKind,
    Counterfactual,
    Criteria,
    Exposure,
    Ranking,
    TextFinding,
    TextsRead,
)

TOP = 10
"""Ranks that count as shown."""
MOST_GROUPS = 24
FIELDS = {
    AreaKind.POSTAL_CODE.value: "postal_code",
    AreaKind.NEIGHBORHOOD.value: "places__neighborhood__name",
}
"""Where a listing's area stands."""
SEED = 20260401

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Compared:
    """A group of areas and the interval of its ratio."""

    group: Group
    interval: tuple[float, float] | None

    @property
    def rate(self) -> str:
        return f"{100.0 * self.group.rate:.1f}%"

    @property
    def rate_interval(self) -> str:
        low, high = self.group.interval
        return f"{100.0 * low:.1f}–{100.0 * high:.1f}%"

    @property
    def z(self) -> str:
        return "" if self.group.z is None else figures.signed(self.group.z, 2)

    @property
    def p(self) -> str:
        """Return the chance of such a difference where there is none."""
        p = self.group.p
        return "" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


@dataclass(frozen=True, slots=True)
class Trend:
    """A month's rates by group; None where nothing could be shown."""

    month: date
    rates: Mapping[str, Group | None]


@dataclass(frozen=True, slots=True)
class Exposed:
    """How evenly homes were shown in a time, by groups of areas."""

    by: str
    screen: Screen
    compared: tuple[Compared, ...]
    trend: tuple[Trend, ...]
    rankings: int
    buyers: int
    untold: int
    """Lists of which it was not kept what could have been shown."""
    inconsistent: int
    """Lists that show more of an area than could have been: left out."""
    ungrouped: tuple[str, ...]
    """Areas the table of groups does not name, the most frequent first."""
    versions: tuple[tuple[str, int], ...]


def has_groups(tenant: Tenant) -> bool:
    return AreaGroup.objects.filter(tenant=tenant).exists()


def exposed(tenant: Tenant, *, by: str, since: date, until: date) -> Exposed:
    """Compare how often homes of groups of areas were among the first ten, of all that met the musts.

    `by` is an area kind, each area a group of its own, or "group" for the tenant's table of areas.
    """
    rankings = list(
        Ranking.objects.filter(tenant=tenant, shown_on__range=(since, until)).only(
            "pk", "lead_id", "shown_on", "eligible", "version"
        )
    )
    table = (
        dict(AreaGroup.objects.filter(tenant=tenant).values_list("area", "group")) if by == "group" else {}
    )
    kind = _kind_of_table(table, rankings) if by == "group" else by
    tops = _tops(tenant, kind, since, until)
    selected: dict[tuple[int, date], Counter[str]] = defaultdict(Counter)
    total: dict[tuple[int, date], Counter[str]] = defaultdict(Counter)
    ungrouped: Counter[str] = Counter()
    untold = inconsistent = 0
    for ranking in rankings:
        eligible: dict[str, int] = ranking.eligible.get(kind, {})
        if not eligible:
            untold += 1
            continue
        top = tops.get(ranking.pk, Counter())
        if any(count > eligible.get(area, 0) for area, count in top.items()):
            inconsistent += 1
            continue
        place = (ranking.lead_id, ranking.shown_on.replace(day=1))
        for area, count in eligible.items():
            group = table.get(area, "") if by == "group" else area
            if not group:
                ungrouped[area] += count
                continue
            total[place][group] += count
            selected[place][group] += top[area]
    names = _names(total)
    screen = four_fifths({name: _summed(selected, total, name) for name in names})
    return Exposed(
        by=by,
        screen=screen,
        compared=_compared(screen, selected, total),
        trend=_trend(names, selected, total),
        rankings=len(rankings),
        buyers=len({lead for lead, _ in total}),
        untold=untold,
        inconsistent=inconsistent,
        ungrouped=tuple(area for area, _ in ungrouped.most_common(10)),
        versions=tuple(Counter(one.version or "not told" for one in rankings).most_common(5)),
    )


def _kind_of_table(table: Mapping[str, str], rankings: list[Ranking]) -> str:
    """Return the kind of area a table of groups is of: the one whose areas it names more of."""
    named = {
        kind: sum(
            count for one in rankings for area, count in one.eligible.get(kind, {}).items() if area in table
        )
        for kind in FIELDS
    }
    return max(named, key=lambda kind: named[kind])


def _tops(tenant: Tenant, kind: str, since: date, until: date) -> dict[int, Counter[str]]:
    """Return of every list how many of its first ten homes are of which area."""
    area = f"listing__{FIELDS[kind]}"
    rows = (
        Exposure.objects.filter(tenant=tenant, rank__lte=TOP, ranking__shown_on__range=(since, until))
        .exclude(**{area: ""})
        .exclude(**{f"{area}__isnull": True})
        .values_list("ranking_id", area)
        .annotate(count=Count("pk"))
    )
    told: dict[int, Counter[str]] = defaultdict(Counter)
    for ranking_id, name, count in rows:
        told[ranking_id][name] = count
    return told


def _names(total: Mapping[tuple[int, date], Counter[str]]) -> list[str]:
    """Return the groups most could be shown of, by name."""
    summed: Counter[str] = Counter()
    for counts in total.values():
        summed.update(counts)
    return sorted(name for name, _ in summed.most_common(MOST_GROUPS))


def _summed(
    selected: Mapping[tuple[int, date], Counter[str]],
    total: Mapping[tuple[int, date], Counter[str]],
    name: str,
    month: date | None = None,
) -> Pair:
    places = [place for place in total if month is None or place[1] == month]
    return sum(selected[place][name] for place in places), sum(total[place][name] for place in places)


def _compared(
    screen: Screen,
    selected: Mapping[tuple[int, date], Counter[str]],
    total: Mapping[tuple[int, date], Counter[str]],
) -> tuple[Compared, ...]:
    names = [group.name for group in screen.groups]
    if not names:
        return ()
    leads = sorted({lead for lead, _ in total})
    row_of = {lead: row for row, lead in enumerate(leads)}
    some, all_of = (np.zeros((len(leads), len(names)), dtype=np.int64) for _ in range(2))
    for place, counts in total.items():
        row = row_of[place[0]]
        for column, name in enumerate(names):
            some[row, column] += selected[place][name]
            all_of[row, column] += counts[name]
    intervals = ratio_intervals(names, some, all_of, screen.reference, seed=SEED)
    return tuple(Compared(group, intervals[group.name]) for group in screen.groups)


def _trend(
    names: list[str],
    selected: Mapping[tuple[int, date], Counter[str]],
    total: Mapping[tuple[int, date], Counter[str]],
) -> tuple[Trend, ...]:
    rows = []
    for month in sorted({month for _, month in total}):
        screen = four_fifths({name: _summed(selected, total, name, month) for name in names})
        groups = {group.name: group for group in screen.groups}
        rows.append(Trend(month, {name: groups.get(name) for name in names}))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Chosen:
    """How many buyers gave schools or safety a weight themselves, of all with criteria."""

    buyers: int
    schools: int
    safety: int


def chosen_weights(tenant: Tenant) -> Chosen:
    """Count the buyers who set a weight that is nothing until they do."""
    told = Criteria.objects.filter(tenant=tenant).aggregate(
        buyers=Count("pk"),
        schools=Count("pk", filter=_is_set("schools")),
        safety=Count("pk", filter=_is_set("safety")),
    )
    return Chosen(**told)


def _is_set(factor: str) -> Q:
    return Q(**{f"wants__importance__{factor}__isnull": False}) & ~Q(
        **{f"wants__importance__{factor}": "ignore"}
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """What became of sentences that were found."""

    blocked: int
    warned: int
    overridden: int
    mended: int
    read: int
    """Remarks read under today's terms."""


def texts_of(tenant: Tenant) -> Texts:
    """Count what was found in texts, by what became of it."""
    open_ = Q(state=TextFinding.State.OPEN)
    told = TextFinding.objects.filter(tenant=tenant).aggregate(
        blocked=Count("pk", filter=open_ & Q(severity="block")),
        warned=Count("pk", filter=open_ & Q(severity="warn")),
        overridden=Count("pk", filter=Q(state=TextFinding.State.OVERRIDDEN)),
        mended=Count("pk", filter=Q(state=TextFinding.State.MENDED)),
    )
    place = TextsRead.objects.filter(tenant=tenant).first()
    return Texts(**told, read=place.read if place is not None else 0)


def overrides_of(tenant: Tenant, most: int = 20) -> list[TextFinding]:
    """Return the sentences that were kept with a reason, the latest first."""
    rows = TextFinding.objects.filter(tenant=tenant, overridden_at__isnull=False)
    return list(rows.select_related("overridden_by", "listing").order_by("-overridden_at")[:most])


def latest_trial(tenant: Tenant) -> Counterfactual | None:
    """Return the last trial with other names, languages and phones."""
    return Counterfactual.objects.filter(tenant=tenant).select_related("by").first()
