"""Reads of the engine's inputs and of what it said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from leads.events import BEHAVIOR
from leads.ml import custom
from leads.ml.catalogue import BY_NAME, VERSION
from leads.ml.features import EventFact, State
from leads.models import AlertSettings, Event, FeatureState, Lead, ModelVersion, Tenant
from leads.selectors.histories import as_fact
from leads.tables import ask
from scoring import engine
from scoring.changes import Change
from scoring.engine import Thresholds
from scoring.models import LeadScore
from scoring.pillars import PILLAR_LABELS, Pillar

HISTORY_DAYS = 90
MOST_POINTS = 400
LEAD_FIELDS = frozenset(
    {
        *("tenant_id", "status", "merged_into_id", "created_at", "source", "quality", "profile", "segment"),
        *("score", "tier", "time_zone"),
    }
)
_FACTS = frozenset({"tenant_id", "lead_id", "kind", "occurred_at", "recorded_at", "data", "is_backfill"})
_STATE = frozenset({"state"})


@dataclass(frozen=True, slots=True)
class LeadEvent:
    """A fact with the lead it is about and whether it was filled in later."""

    tenant_id: int
    lead_id: int
    fact: EventFact
    is_backfill: bool


def behavior(event_ids: Sequence[int]) -> list[LeadEvent]:
    """Return the events that are about a lead's behaviour, in their order."""
    return ask_for_behavior(event_ids)()


def ask_for_behavior(event_ids: Sequence[int]) -> Callable[[], list[LeadEvent]]:
    """Send what `behavior` sends and return what waits for the events."""
    rows = ask(Event, "WHERE id = ANY(%s) AND lead_id IS NOT NULL", [list(event_ids)], only=_FACTS)

    def answer() -> list[LeadEvent]:
        found = [
            LeadEvent(
                row.tenant_id,
                row.lead_id,
                as_fact(row.pk, row.kind, row.occurred_at, row.recorded_at, row.data),
                row.is_backfill,
            )
            for row in rows()
            if row.lead_id is not None and row.kind in BEHAVIOR
        ]
        return sorted(found, key=lambda event: event.fact.key)

    return answer


def states(lead_ids: Iterable[int]) -> dict[int, State]:
    """Return the feature states of this version."""
    return ask_for_states(lead_ids)()


def ask_for_states(lead_ids: Iterable[int]) -> Callable[[], dict[int, State]]:
    """Send what `states` sends and return what waits for them."""
    tail = "WHERE lead_id = ANY(%s) AND version = %s"
    rows = ask(FeatureState, tail, [list(lead_ids), VERSION], only=_STATE)
    return lambda: {row.lead_id: row.state for row in rows()}


def tiers(settings: AlertSettings) -> Thresholds:
    """Return where a tenant's tiers begin."""
    return Thresholds(float(settings.hot_score), float(settings.warm_score), float(settings.steady_score))


def last_scores(lead_ids: Sequence[int]) -> dict[int, tuple[float, str, tuple[str, str]]]:
    """Return the latest score of each lead, its tier, and the model and weights it came from."""
    rows = LeadScore.objects.filter(lead_id__in=lead_ids)
    latest = rows.order_by("lead_id", "-event_at", "-id").distinct("lead_id")
    told = latest.values_list("lead_id", "score", "tier", "model_version", "weight_set")
    return {lead_id: (score, tier, (model, weights)) for lead_id, score, tier, model, weights in told}


def model_of(lead: Lead) -> str:
    """Return the version of the model that scored a lead last; empty for the rules."""
    told = latest_score(lead)
    return told.model_version if told is not None else ""


CURRENT, RULES = "current", engine.Mode.RULES.value


def known_models(tenant: Tenant) -> tuple[str, ...]:
    """Return what a score can be asked under: what serves now, the rules, or a version open to the tenant."""
    versions = ModelVersion.objects.filter(Q(tenant=tenant) | Q(tenant=None), engine="scores")
    return CURRENT, RULES, *versions.values_list("name", flat=True)


# What the engine said, for pages and programs


@dataclass(frozen=True, slots=True)
class ToldContribution:
    """One contribution as people read it."""

    feature: str
    label: str
    value: float | None
    points: float
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One prediction taken apart."""

    score: float
    tier: str
    base: float
    contributions: tuple[ToldContribution, ...]
    pillars: tuple[tuple[str, str, float, float], ...]
    mode: str
    model_version: str
    weight_set: str
    feature_version: str
    event_at: datetime
    scored_at: datetime
    propensity: float | None = None
    is_explored: bool = False

    @property
    def is_set_back(self) -> bool:
        """Whether the score makes the lead hot and chance does not: it was more likely hot than not."""
        return self.is_explored and self.tier != engine.Tier.HOT and (self.propensity or 0.0) > 0.5


def latest_score(lead: Lead) -> LeadScore | None:
    """Return the newest prediction about a lead."""
    return LeadScore.objects.filter(lead=lead).order_by("-event_at", "-pk").first()


def explanation(row: LeadScore) -> Explanation:
    """Return a stored prediction in words."""
    return Explanation(
        score=row.score,
        tier=row.tier,
        base=row.base,
        contributions=tuple(_told(name, value, points) for name, value, points in row.contributions),
        pillars=tuple((name, _pillar_label(name), points, weight) for name, points, weight in row.pillars),
        mode=row.mode,
        model_version=row.model_version,
        weight_set=row.weight_set,
        feature_version=row.feature_version,
        event_at=row.event_at,
        scored_at=row.scored_at,
        propensity=row.propensity,
        is_explored=row.is_explored,
    )


def explained(
    score: engine.Score, *, feature_version: str, event_at: datetime, scored_at: datetime
) -> Explanation:
    """Return a score just made in words."""
    return Explanation(
        score=score.score,
        tier=score.tier,
        base=score.base,
        contributions=tuple(_told(one.feature, one.value, one.points) for one in score.contributions),
        pillars=tuple(
            (share.pillar, _pillar_label(share.pillar), share.points, share.weight) for share in score.pillars
        ),
        mode=score.mode,
        model_version=score.model_version,
        weight_set=score.weight_set,
        feature_version=feature_version,
        event_at=event_at,
        scored_at=scored_at,
        propensity=score.propensity,
        is_explored=score.is_explored,
    )


def _told(name: str, value: float | None, points: float) -> ToldContribution:
    label, detail = told_feature(name, value)
    return ToldContribution(name, label, value, points, detail)


def told_feature(name: str, value: float | None) -> tuple[str, str]:
    """Return what people call a feature, and its value as they say it."""
    known = BY_NAME.get(name)
    if name.startswith((custom.PREFIX, custom.COHORT)):
        return custom.label_of(name), custom.told_value(name, value)
    if value is None:
        return name, custom.UNKNOWN
    if known is None:
        return name.replace("_", " ").capitalize(), f"{value:g}"
    return known.label, told_value(known.unit, value)


def _pillar_label(name: str) -> str:
    return PILLAR_LABELS[Pillar(name)] if name in set(Pillar) else name.capitalize()


def told_value(unit: str, value: float) -> str:
    """Return a feature's value as people say it."""
    if unit.startswith("yes"):
        return "yes" if value else "no"
    if unit == "days":
        return "a year or more, or never" if value >= 365 else _length(value)
    if unit.startswith("hours"):
        return "not known yet" if value < 0 else _length(value / 24)
    if unit.startswith("minutes"):
        return "not known yet" if value < 0 else _length(value / 1440)
    if unit.startswith("share"):
        return f"{value:.0%}"
    if unit == "percent":
        return f"{value:g}% usually close"
    if unit == "0 to 1":
        return f"{_short(value)} of 1"
    if unit.startswith("−1, 0"):
        return {1.0: "in place", -1.0: "not yet"}.get(value, "not known yet")
    return _short(value) + (" a day" if unit == "acts a day" else "")


def _short(value: float) -> str:
    """Return a number to the two or three digits that say something; what rounds to zero has no sign."""
    size = abs(value)
    shown = round(value, 2 if size < 1 else 1 if size < 100 else 0)
    return f"{shown:,g}".replace("-", "−") if shown else "0"  # noqa: RUF001


def _length(days: float) -> str:
    for size, unit in ((1.0, "days"), (1 / 24, "hours"), (1 / 1440, "minutes")):
        if days >= size:
            count = f"{days / size:.1f}".rstrip("0").rstrip(".")
            return f"{count} {unit[:-1] if count == '1' else unit}"
    return "under a minute"


def history(lead: Lead, *, now: datetime) -> list[tuple[datetime, float]]:
    """Return how the score went over the last 90 days: the last score of each day, oldest first."""
    rows = (
        LeadScore.objects.filter(lead=lead, event_at__gte=now - timedelta(days=HISTORY_DAYS))
        .order_by("-event_at", "-pk")
        .values_list("event_at", "score")[:MOST_POINTS]
    )
    days: dict[Any, tuple[datetime, float]] = {}
    for event_at, score in rows:
        days.setdefault(event_at.date(), (event_at, score))
    return list(days.values())[::-1]


def as_json(told: Explanation) -> Mapping[str, Any]:
    """Return an explanation as the API shows it."""
    return {
        "score": told.score,
        "tier": told.tier,
        "base": told.base,
        "contributions": [
            {"feature": one.feature, "label": one.label, "value": one.value, "points": one.points}
            for one in told.contributions
        ],
        "pillars": [
            {"pillar": name, "label": label, "points": points, "weight": weight}
            for name, label, points, weight in told.pillars
        ],
        "model_version": told.model_version,
        "weight_set": told.weight_set,
        "feature_version": told.feature_version,
        "mode": told.mode,
        "event_at": told.event_at,
        "scored_at": told.scored_at,
    }


def change_as_json(change: Change) -> Mapping[str, Any]:
    """Return what moved a score as the API shows it."""
    return {
        "before": change.before,
        "after": change.after,
        "points": change.points,
        "base": change.base,
        "pillars": [
            {"pillar": pillar, "label": PILLAR_LABELS[pillar], "points": points}
            for pillar, points in change.pillars
        ],
        "moves": [
            {
                "feature": move.feature,
                "label": told_feature(move.feature, 0.0)[0],
                "before": move.before,
                "after": move.after,
                "points": move.points,
            }
            for move in change.moves
        ],
    }
