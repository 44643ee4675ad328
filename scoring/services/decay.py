"""Score leads again as time passes, or after what their scores rest on was changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from leads import bus
from leads.events import Kind
from leads.ml import features
from leads.models import Event, Lead
from leads.selectors.alerts import settings_of
from leads.selectors.histories import facts_of, histories_of
from leads.services.events import record_events
from leads.services.standing import update_standing
from scoring import selectors
from scoring.engine import Score
from scoring.models import LeadScore, WeightSettings
from scoring.services import serving
from scoring.services.events import GROUP
from scoring.services.work import (
    CHUNK,
    Moment,
    Work,
    is_news,
    lock_leads,
    not_before,
    score_row,
    score_works,
    scored_event,
    standing_of,
)

STALE = timedelta(hours=1)
TURN = 8 * CHUNK
"""Leads of a tenant scored anew before other slow work gets its turn."""

MOVED = 0.5
"""Points time alone must have moved a score for it to be written anew."""
SEEN = 0.05
"""Points another model or other weights must have moved it: it is told to a tenth."""


def rescore_stale(*, limit: int = 2_000) -> int:
    """Score anew, batch by batch, the leads not scored for an hour; return how many scores moved."""
    moved = 0
    seen = 0
    while seen < limit:
        now = timezone.now()
        batch = list(
            Lead.objects.active()
            .filter(score__isnull=False, scored_at__lt=now - STALE)
            .order_by("scored_at", "pk")
            .values_list("pk", flat=True)[: min(CHUNK, limit - seen)]
        )
        if not batch:
            break
        moved += rescore(lead_ids=batch)
        seen += len(batch)
    return moved


@transaction.atomic
def tenants_to_rescore(*, event_ids: Sequence[int]) -> list[int]:
    """Return the tenants whose scores these events change, each event once.

    Market figures change scores only where they turn the weights.
    """
    changed = Event.objects.filter(pk__in=bus.claim(GROUP, event_ids)).exclude(
        Q(kind=Kind.MARKET_UPDATED)
        & ~Q(tenant__in=WeightSettings.objects.filter(uses_market=True).values("tenant"))
    )
    return sorted(set(changed.values_list("tenant_id", flat=True)))


def rescore_tenant(*, tenant_id: int, after: int = 0) -> int | None:
    """Score some leads of a tenant anew, after its thresholds or weights changed.

    Return the last one's key when more may follow, for the next call, so that other work gets its turn.
    """
    serving.look_again()  # the change may be younger than the last look
    waiting = Lead.objects.active().filter(tenant_id=tenant_id, score__isnull=False, pk__gt=after)
    leads = list(waiting.order_by("pk").values_list("pk", flat=True)[:TURN])
    for start in range(0, len(leads), CHUNK):
        rescore(lead_ids=leads[start : start + CHUNK])
    return leads[-1] if len(leads) == TURN else None


@transaction.atomic
def rescore(*, lead_ids: Sequence[int]) -> int:
    """Score leads as of now from what is remembered of them; write only what moved; return how many did.

    A score by another model or other weights is no rise and no fall: it is measured otherwise.
    """
    now = timezone.now()
    leads = {pk: lead for pk, lead in lock_leads(set(lead_ids)).items() if lead.pk == pk}
    kept = selectors.states(leads)
    missing = [lead for pk, lead in leads.items() if pk not in kept]
    histories = histories_of(missing) if missing else {}
    works = []
    for pk in sorted(leads):
        state = kept[pk] if pk in kept else features.replay(histories[pk])
        at = not_before(state, now) if state else now
        vector = features.vector(state, at, facts_of(leads[pk]))
        works.append(Work(leads[pk], [], state, state, [Moment(now, vector, None)]))
    if not works:
        return 0
    scores = score_works(works, settings_of({work.lead.tenant_id for work in works}), now)
    last = selectors.last_scores([work.lead.pk for work in works])
    anew = {pk for pk, (_, _, made_by) in last.items() if made_by != _made_by(scores[pk][0])}
    moved = [work for work in works if _has_moved(work.lead, scores[work.lead.pk][0], work.lead.pk in anew)]
    LeadScore.objects.bulk_create(
        [score_row(work.lead, work.moments[0], scores[work.lead.pk][0], now) for work in moved],
        batch_size=CHUNK,
    )
    told = []
    for work in works:
        pk, score = work.lead.pk, scores[work.lead.pk][0]
        previous = last[pk][:2] if pk in last else (work.lead.score, work.lead.tier)
        if previous[1] != score.tier or (work in moved and is_news(previous, score)):
            told.append(scored_event(work.lead, work.moments[0], score, previous, is_anew=pk in anew))
    if told:
        record_events(events=told)
    update_standing(
        standings=[
            standing_of(work, scores[work.lead.pk][0], now, is_anew=work.lead.pk in anew) for work in moved
        ]
    )
    still = [work.lead.pk for work in works if work not in moved]
    Lead.objects.filter(pk__in=still).update(scored_at=now)
    return len(moved)


def _made_by(score: Score) -> tuple[str, str]:
    return score.model_version, score.weight_set


def _has_moved(lead: Lead, score: Score, is_anew: bool) -> bool:
    least = SEEN if is_anew else MOVED
    return lead.score is None or lead.tier != score.tier or abs(lead.score - score.score) >= least
