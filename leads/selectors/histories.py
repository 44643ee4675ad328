"""The facts features are made of: the log of each lead, and what their record says beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from leads.events import BEHAVIOR
from leads.ml import features
from leads.ml.catalogue import QUESTIONS
from leads.ml.features import EventFact, FeatureVector, LeadFacts, State
from leads.models import Event, Lead, Tenant
from leads.models.leads import LeadQuerySet
from leads.store import Whose, past_states

CHUNK = 100
"""Leads whose histories are held in memory at once."""

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""What steps are counted from, so that exports of different spans share their moments."""

_BEHAVIOR = sorted(BEHAVIOR)
_MARK = """
    SELECT md5(string_agg(id::text, ',' ORDER BY id)) FROM leads_event
    WHERE tenant_id = %(tenant)s AND kind = ANY(%(kinds)s)
        AND lead_id IN (SELECT id FROM leads_lead WHERE id = %(lead)s OR merged_into_id = %(lead)s)
        AND (%(until)s::timestamptz IS NULL OR occurred_at <= %(until)s OR recorded_at <= %(until)s)
"""
"""Of the facts `histories_of` returns: events are never changed, so their ids tell what they say."""

_FACT_FIELDS = ("pk", "lead_id", "kind", "occurred_at", "recorded_at", "data")


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """The features of one lead as they were at one moment."""

    location_id: str
    lead_id: int
    at: datetime
    vector: FeatureVector


def as_fact(pk: int, kind: str, occurred_at: datetime, recorded_at: datetime, data: Any) -> EventFact:
    """Return a row as a fact; nothing can have happened after we recorded it."""
    return EventFact(kind, min(occurred_at, recorded_at), data, pk)


def histories_of(leads: Sequence[Lead], *, until: datetime | None = None) -> dict[int, list[EventFact]]:
    """Return every fact of each lead, those of leads merged into it among them."""
    survivors = {lead.pk: lead.pk for lead in leads}
    survivors |= dict(
        Lead.objects.filter(merged_into__in=list(survivors)).values_list("pk", "merged_into_id")
    )
    rows = Event.objects.filter(
        tenant_id__in={lead.tenant_id for lead in leads}, lead_id__in=list(survivors), kind__in=BEHAVIOR
    )
    if until is not None:
        rows = rows.filter(Q(occurred_at__lte=until) | Q(recorded_at__lte=until))
    found: dict[int, list[EventFact]] = {lead.pk: [] for lead in leads}
    for pk, lead_id, kind, occurred_at, recorded_at, data in rows.order_by().values_list(*_FACT_FIELDS):
        found[survivors[lead_id]].append(as_fact(pk, kind, occurred_at, recorded_at, data))
    return found


def state_at(lead: Lead, *, until: datetime | None = None) -> State:
    """Return the state after every fact of a lead up to a moment, replayed unless that was done of late."""
    whose = Whose(lead.tenant_id, lead.pk)
    with connection.cursor() as cursor:
        cursor.execute(_MARK, {"tenant": lead.tenant_id, "lead": lead.pk, "kinds": _BEHAVIOR, "until": until})
        mark = cursor.fetchone()[0]
    if mark is None:
        return {}
    kept = past_states.find(whose, mark)
    if kept is not None:
        return kept
    facts = histories_of([lead], until=until)[lead.pk]
    state = features.replay(facts, until)
    past_states.keep(whose, _mark(facts), state)  # of what was read: more may have come since the look
    return state


def _mark(facts: Iterable[EventFact]) -> str:
    """Return what PostgreSQL says of the same facts."""
    ids = ",".join(str(pk) for pk in sorted(fact.event_id for fact in facts))
    return hashlib.md5(ids.encode(), usedforsecurity=False).hexdigest()


def facts_of(lead: Lead) -> LeadFacts:
    """Return what the record says beside the log."""
    return LeadFacts(
        created_at=lead.created_at,
        answered=frozenset(q for q in QUESTIONS if lead.profile.get(q) not in (None, "", [], {})),
        quality=float(lead.quality),
        source=lead.source,
        time_zone=lead.time_zone,
    )


def facts_before_change(lead: Lead) -> LeadFacts:
    """Return what the record said before its last change: of what may have been filled in since, nothing."""
    return LeadFacts(created_at=lead.created_at, source=lead.source, time_zone=lead.time_zone)


def count_leads(tenant: Tenant | None) -> int:
    """Return how many leads `feature_rows` goes through."""
    return _leads(tenant).count()


def feature_rows(
    *, tenant: Tenant | None, since: datetime | None, until: datetime, every: timedelta | None
) -> Iterator[list[FeatureRow]]:
    """Yield the rows of each lead from `since` up to, not at, `until`; a few leads' histories at a time."""
    last = 0
    while leads := list(_leads(tenant).filter(pk__gt=last).select_related("tenant").order_by("pk")[:CHUNK]):
        last = leads[-1].pk
        histories = histories_of(leads, until=until)
        for lead in leads:
            facts = sorted(histories.pop(lead.pk), key=lambda fact: fact.key)
            yield list(_rows(lead, [fact for fact in facts if fact.occurred_at < until], since, until, every))


def _leads(tenant: Tenant | None) -> LeadQuerySet:
    leads = Lead.objects.active()
    return leads if tenant is None else leads.for_tenant(tenant)


def _rows(
    lead: Lead, facts: list[EventFact], since: datetime | None, until: datetime, every: timedelta | None
) -> Iterator[FeatureRow]:
    """Yield a lead's rows, each from what had happened by then and nothing later."""
    now, before = facts_of(lead), facts_before_change(lead)
    state: State = {}
    done = 0
    for at in _moments(facts, since, until, every):
        while done < len(facts) and facts[done].occurred_at <= at:
            state = features.advance(state, facts[done])
            done += 1
        vector = features.vector(state, at, now if at >= lead.updated_at else before)
        yield FeatureRow(lead.tenant.location_id, lead.pk, at, vector)


def _moments(
    facts: list[EventFact], since: datetime | None, until: datetime, every: timedelta | None
) -> Iterator[datetime]:
    """Yield the moments of a lead's rows: of each event, or the steps from the first one on."""
    if not facts:
        return
    if every is None:
        yield from sorted({fact.occurred_at for fact in facts if since is None or fact.occurred_at >= since})
        return
    start = facts[0].occurred_at if since is None else max(since, facts[0].occurred_at)
    at = MONDAY + -((MONDAY - start) // every) * every
    while at < until:
        yield at
        at += every
