"""When an agent is told about a lead: rules over standings, signals and silence; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

HOT_LEAD = "hot_lead"
TIER_JUMP = "tier_jump"
SCORE_DROP = "score_drop"
BUYING_SIGNAL = "buying_signal"
REPLY_WAITING = "reply_waiting"
HOT_SILENT = "hot_silent"
KINDS = (HOT_LEAD, TIER_JUMP, SCORE_DROP, BUYING_SIGNAL, REPLY_WAITING, HOT_SILENT)

TIERS = ("quiet", "steady", "warm", "hot")
WARM = TIERS.index("warm")
NEWS_WITHIN = timedelta(hours=6)
"""What came to light later than this after it happened (history filled in) is not news."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SIGNAL_WORDS = {
    "showing": "asked for a showing",
    "preapproved": "said they are pre-approved",
    "price_agreed": "agreed on a price",
    "offer": "spoke of an offer",
}


@dataclass(frozen=True, slots=True)
class StandingFacts:
    """What the engines say of a lead after an event."""

    tenant_id: int
    lead_id: int
    score: float
    tier: str
    event_at: datetime
    event_id: int | None = None
    is_explored: bool = False
    """Whether chance, and not the score, gave the tier."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a tenant wants to be told; see `AlertSettings`."""

    hot_score: int = 85
    warm_score: int = 65
    steady_score: int = 40
    score_drop: int = 15
    reply_limit: timedelta = timedelta(minutes=15)
    hot_silent: timedelta = timedelta(hours=48)
    cooldown: timedelta = timedelta(minutes=60)
    disabled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """An alert to raise; `key` tells it from others of the same kind about the same lead."""

    tenant_id: int
    lead_id: int
    kind: str
    reason: str
    event_at: datetime
    key: str
    event_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def dedupe_key(self) -> str:
        """Return what makes this alert one: raised again with the same key, it is the same alert."""
        return f"{self.kind}:{self.lead_id}:{self.key}"


def alerts_for(
    *,
    before: StandingFacts | None,
    after: StandingFacts,
    signals: frozenset[str],
    thresholds: Thresholds,
    now: datetime,
) -> list[AlertDraft]:
    """Return what an agent should be told about a change of standing."""
    if now - after.event_at > NEWS_WITHIN:
        return []
    found = (
        hot_lead(before, after),
        tier_jump(before, after),
        score_drop(before, after, thresholds.score_drop),
        buying_signal(after, signals),
    )
    return [draft for draft in found if draft is not None and draft.kind not in thresholds.disabled]


def hot_lead(before: StandingFacts | None, after: StandingFacts) -> AlertDraft | None:
    """Tell that a lead has become hot."""
    if after.tier != "hot" or (before is not None and before.tier == "hot"):
        return None
    if after.is_explored:
        return _draft(HOT_LEAD, before, after, f"Hot this week by chance: score {round(after.score)}.")
    return _draft(HOT_LEAD, before, after, f"Now hot: score {round(after.score)}{_change(before, after)}.")


def tier_jump(before: StandingFacts | None, after: StandingFacts) -> AlertDraft | None:
    """Tell that a known lead rose to warm; rising to hot is told as a hot lead."""
    if before is None or after.tier != "warm" or _rank(before.tier) >= WARM:
        return None
    change = _change(before, after)
    return _draft(
        TIER_JUMP, before, after, f"Rose from {before.tier} to warm: score {round(after.score)}{change}."
    )


def score_drop(before: StandingFacts | None, after: StandingFacts, drop: int) -> AlertDraft | None:
    """Tell that a lead who was warm or hot lost many points at once."""
    if before is None or _rank(before.tier) < WARM or before.score - after.score < drop:
        return None
    lost = round(before.score) - round(after.score)
    return _draft(SCORE_DROP, before, after, f"Score fell {lost} points to {round(after.score)}.")


def buying_signal(after: StandingFacts, signals: Iterable[str]) -> AlertDraft | None:
    """Tell that a lead said or did what buyers do shortly before they buy."""
    known = [signal for signal in SIGNAL_WORDS if signal in frozenset(signals)]
    if not known:
        return None
    words = [SIGNAL_WORDS[signal] for signal in known]
    sentence = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    draft = _draft(BUYING_SIGNAL, None, after, f"{sentence[0].upper()}{sentence[1:]}.")
    draft.data["signals"] = known
    return draft


def reply_waiting(
    *, tenant_id: int, lead_id: int, since: datetime, thresholds: Thresholds, now: datetime
) -> AlertDraft | None:
    """Tell that a lead's message has waited for an answer past the tenant's limit."""
    if REPLY_WAITING in thresholds.disabled or now - since < thresholds.reply_limit:
        return None
    reason = f"A message has waited more than {duration(thresholds.reply_limit)} for a reply."
    return _since(since, tenant_id, lead_id, REPLY_WAITING, reason)


def hot_silent(
    *, tenant_id: int, lead_id: int, since: datetime, thresholds: Thresholds, now: datetime
) -> AlertDraft | None:
    """Tell that nothing was heard of, or said to, a hot lead for as long as the tenant set."""
    if HOT_SILENT in thresholds.disabled or now - since < thresholds.hot_silent:
        return None
    reason = f"Hot, but no contact for {duration(thresholds.hot_silent)}."
    return _since(since, tenant_id, lead_id, HOT_SILENT, reason)


def _since(since: datetime, tenant_id: int, lead_id: int, kind: str, reason: str) -> AlertDraft:
    """Return a draft about what has not happened since a moment; raised once for each."""
    told = {"since": since.isoformat()}
    return AlertDraft(tenant_id, lead_id, kind, reason, since, key=_moment(since), data=told)


def tier_of(score: float, thresholds: Thresholds) -> str:
    """Return the tier a score stands for under a tenant's thresholds."""
    if score >= thresholds.hot_score:
        return "hot"
    if score >= thresholds.warm_score:
        return "warm"
    return "steady" if score >= thresholds.steady_score else "quiet"


@dataclass(frozen=True, slots=True)
class ScoreFact:
    """One recorded change of a lead's score."""

    lead_id: int
    at: datetime
    score: float
    score_before: float | None


def replay_scores(facts: Iterable[ScoreFact], thresholds: Thresholds) -> Counter[str]:
    """Count the alerts these thresholds would have raised over past changes of score, cooldown and all."""
    raised: Counter[str] = Counter()
    last: dict[tuple[int, str], datetime] = {}
    for fact in sorted(facts, key=lambda each: each.at):
        before = None if fact.score_before is None else _standing(fact, fact.score_before, thresholds)
        after = _standing(fact, fact.score, thresholds)
        drafts = alerts_for(
            before=before, after=after, signals=frozenset(), thresholds=thresholds, now=fact.at
        )
        for draft in drafts:
            seen = last.get((fact.lead_id, draft.kind))
            if seen is None or fact.at - seen >= thresholds.cooldown:
                last[fact.lead_id, draft.kind] = fact.at
                raised[draft.kind] += 1
    return raised


def replay_waits(waits: Iterable[float], *, kind: str, limit: timedelta, thresholds: Thresholds) -> int:
    """Count the waits for an answer, or for contact, in seconds, that lasted past a limit."""
    if kind in thresholds.disabled:
        return 0
    return sum(wait >= limit.total_seconds() for wait in waits)


def _standing(fact: ScoreFact, score: float, thresholds: Thresholds) -> StandingFacts:
    return StandingFacts(0, fact.lead_id, score, tier_of(score, thresholds), fact.at)


def duration(length: timedelta) -> str:
    """Return a length of time as people say it."""
    minutes = int(length.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if minutes % 60 == 0 and minutes:
        if hours == 0 and days > 2:
            return f"{days} days"
        return _counted(minutes // 60, "hour")
    return _counted(minutes, "minute")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _rank(tier: str) -> int:
    return TIERS.index(tier) if tier in TIERS else 0


def _change(before: StandingFacts | None, after: StandingFacts) -> str:
    change = round(after.score) - round(before.score) if before is not None else 0
    if not change:
        return ""
    return f", up {change}" if change > 0 else f", down {-change}"


def _draft(kind: str, before: StandingFacts | None, after: StandingFacts, reason: str) -> AlertDraft:
    data: dict[str, Any] = {"score": round(after.score, 1), "tier": after.tier}
    if before is not None:
        data |= {"score_before": round(before.score, 1), "tier_before": before.tier}
    return AlertDraft(
        tenant_id=after.tenant_id,
        lead_id=after.lead_id,
        kind=kind,
        reason=reason,
        event_at=after.event_at,
        key=str(after.event_id) if after.event_id is not None else _moment(after.event_at),
        event_id=after.event_id,
        data=data,
    )


def _moment(at: datetime) -> str:
    return str((at - EPOCH) // timedelta(milliseconds=1))
