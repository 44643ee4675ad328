"""Reads about leads: the table's filters, search, one lead's page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.core.cache import cache
from django.db.models import F, Q

from leads.events import MARK_LABELS, Kind, Mark
from leads.models import Alert, Enrichment, Event, Identity, Lead, Message, Tenant, User
from leads.models.leads import LeadQuerySet
from leads.timeline import Line, describe

TIMELINE_ROWS = 25
SEARCH_ROWS = 20
SOURCES_KEPT_SECONDS = 300
_WORD = re.compile(r"[\w@.+\-]+")
_PHONE = re.compile(r"^[+(\d][\d\s().\-]{5,}$")


class PrefixQuery(SearchQuery):
    """A text query taken as it stands: no parser tears an e-mail address or a phone number apart."""

    def as_sql(
        self, compiler: Any, connection: Any, *args: Any, **kwargs: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        return super().as_sql(compiler, connection, template="(%(expressions)s)::tsquery")


@dataclass(frozen=True, slots=True)
class Marked:
    """What somebody says became of a lead."""

    mark: Mark
    words: str
    at: datetime
    by: User | None

    @property
    def label(self) -> str:
        return MARK_LABELS[self.mark]


def latest_mark(lead: Lead) -> Marked | None:
    """Return what was said last of how a lead ended."""
    told = Event.objects.filter(lead=lead, kind=Kind.LEAD_MARKED).select_related("actor")
    newest = told.order_by("-occurred_at", "-pk").first()
    if newest is None:
        return None
    return Marked(Mark(newest.data["mark"]), newest.data["words"], newest.occurred_at, newest.actor)


def matching(leads: LeadQuerySet, text: str) -> LeadQuerySet:
    """Narrow leads to those whose name, e-mail or phone has words beginning with the ones typed."""
    typed = text.strip().lower()
    if _PHONE.match(typed):
        digits = re.sub(r"\D", "", typed)
        return leads.filter(Q(search=_prefixes([f"+{digits}"])) | Q(search=_prefixes([f"+1{digits}"])))
    words = [word.strip(".-+") for word in _WORD.findall(typed)]
    words = [word for word in words if word]
    return leads.filter(search=_prefixes(words)) if words else leads.none()


def _prefixes(words: Sequence[str]) -> PrefixQuery:
    return PrefixQuery(" & ".join(f"'{word}':*" for word in words))


def search(leads: LeadQuerySet, text: str, *, rows: int = SEARCH_ROWS) -> list[Lead]:
    """Return the best leads for what was typed."""
    found = matching(leads.active(), text).select_related("assigned_to")
    return list(found.order_by(F("score").desc(nulls_last=True), "-id")[:rows])


def sources(tenant: Tenant) -> list[str]:
    """Return where a tenant's leads come from, counted again every few minutes."""
    key = f"sources:{tenant.pk}"
    kept: list[str] | None = cache.get(key)
    if kept is None:
        found = Lead.objects.for_tenant(tenant).active().exclude(source="")
        kept = sorted(found.order_by().values_list("source", flat=True).distinct()[:100])
        cache.set(key, kept, SOURCES_KEPT_SECONDS)
    return kept


# One lead


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a timeline, in words, with the message it brought."""

    event: Event
    line: Line
    message: Message | None

    @property
    def is_ours(self) -> bool:
        return self.message is not None and self.message.direction == Message.Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class Timeline:
    entries: Sequence[Entry]
    next_cursor: str


def family_ids(lead: Lead) -> list[int]:
    """Return a lead's key and those of the leads merged into it: facts stay with the one they were about."""
    return [lead.pk, *Lead.objects.filter(merged_into=lead).order_by("pk").values_list("pk", flat=True)]


def timeline(lead: Lead, *, before: str = "", rows: int = TIMELINE_ROWS) -> Timeline:
    """Return a lead's events, latest first, from after a cursor on."""
    family = family_ids(lead)
    events = Event.objects.filter(tenant_id=lead.tenant_id, lead_id__in=family)
    place = _read_cursor(before)
    if place is not None:
        moment, pk = place
        events = events.filter(Q(occurred_at__lt=moment) | Q(occurred_at=moment, id__lt=pk))
    found = list(events.select_related("actor").order_by("-occurred_at", "-id")[: rows + 1])
    shown = found[:rows]
    brought = Message.objects.filter(lead_id__in=family, event_id__in=[event.pk for event in shown])
    messages = {message.event_id: message for message in brought}
    return Timeline(
        entries=[Entry(event, describe(event.kind, event.data), messages.get(event.pk)) for event in shown],
        next_cursor=_write_cursor(shown[-1]) if len(found) > rows else "",
    )


def _write_cursor(event: Event) -> str:
    return f"{event.occurred_at.isoformat()}_{event.pk}"


def _read_cursor(text: str) -> tuple[datetime, int] | None:
    moment, _, pk = text.rpartition("_")
    try:
        return datetime.fromisoformat(moment), int(pk)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rail of a lead's page shows beside the lead itself."""

    identities: Sequence[Identity]
    enrichments: Sequence[Enrichment]
    alerts: Sequence[Alert]


def facts(lead: Lead) -> Facts:
    """Return a lead's other names, what was found out about it, and its latest alerts."""
    return Facts(
        identities=list(lead.identities.order_by("kind", "-is_primary", "pk")[:30]),
        enrichments=list(lead.enrichments.order_by("provider")),
        alerts=list(lead.alerts.select_related("acknowledged_by").order_by("-raised_at")[:5]),
    )
