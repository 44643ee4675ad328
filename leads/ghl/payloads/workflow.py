"""Bodies of GHL's workflow actions "Webhook" and "Custom Webhook": unsigned, a hint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leads.events import Kind
from leads.ghl.payloads.contacts import ContactPayload
from leads.ghl.payloads.reader import PayloadError, Reader, clean, clean_value, read_moment

# Letters of the event's name -> what it means; None tells of the contact and nothing more.
EVENTS: Mapping[str, Kind | None] = {
    "formsubmitted": Kind.FORM_SUBMITTED,
    "surveysubmitted": Kind.SURVEY_SUBMITTED,
    "triggerlinkclicked": Kind.LINK_CLICKED,
    "linkclicked": Kind.LINK_CLICKED,
    "pageviewed": Kind.PAGE_VIEWED,
    "pagevisited": Kind.PAGE_VIEWED,
    "listingviewed": Kind.LISTING_VIEWED,
    "listingsaved": Kind.LISTING_SAVED,
    "listingshared": Kind.LISTING_SHARED,
    "listingunsaved": Kind.LISTING_UNSAVED,
    "listingdismissed": Kind.LISTING_DISMISSED,
    "showingrequested": Kind.SHOWING_REQUESTED,
    "valuationrequested": Kind.VALUATION_REQUESTED,
    "stagechanged": Kind.OPPORTUNITY_MOVED,
    "pipelinestagechanged": Kind.OPPORTUNITY_MOVED,
    "opportunitystagechanged": Kind.OPPORTUNITY_MOVED,
    "tagadded": None,
    "tagremoved": None,
    "contactcreated": None,
    "contactchanged": None,
    "contactupdated": None,
}
TEXTS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "full_name": "name",
    "name": "name",
    "email": "email",
    "phone": "phone",
    "company_name": "company",
    "address1": "address",
    "city": "city",
    "state": "state",
    "country": "country",
    "postal_code": "postal_code",
    "contact_source": "source",
    "source": "source",
    "timezone": "time_zone",
}
KEYS = ("key", "idempotency_key", "event_id", "submission_id")
WORDS = ("message", "text", "body", "comments")
DATES = ("%d/%m/%Y %I:%M %p", "%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y")
OWN = frozenset(
    {"event", "location_id", "contact_id", "id", "tags", "occurred_at", "workflow", *TEXTS, *KEYS}
)

_MERGE_FIELD = re.compile(r"\{\{[^{}]{0,100}\}\}")


@dataclass(frozen=True, slots=True)
class WorkflowPayload:
    """What a workflow tells: a contact, and perhaps one thing that happened."""

    kind: Kind | None
    event: str
    contact: ContactPayload
    key: str
    occurred_at: datetime | None
    data: Mapping[str, Any]


def parse_workflow(body: Mapping[str, Any], *, time_zone: str = "UTC") -> WorkflowPayload:
    """Return what a workflow body says, or raise PayloadError naming the field that is wrong."""
    _refuse_merge_fields(body)
    reader = Reader(body)
    extra = reader.child("customData")
    event = reader.text("event", 60) or extra.text("event", 60)
    kind = _kind(event)
    contact_id = reader.name("contact_id") or ("" if "pipeline_id" in body else reader.name("id"))
    facts = _facts(reader)
    if not contact_id and not facts.get("email") and not facts.get("phone"):
        raise PayloadError("contact_id", "is missing, and there is no email or phone to know the contact by")
    data = {name: clean_value(value) for name, value in extra.body.items() if name not in OWN}
    data |= {
        name: clean_value(value)
        for name, value in body.items()
        if name not in OWN and not isinstance(value, dict | list) and value not in (None, "")
    }
    if text := next((data.pop(word) for word in WORDS if isinstance(data.get(word), str)), ""):
        data["text"] = text
    if workflow := reader.body.get("workflow"):
        data["workflow"] = clean_value(workflow.get("name") if isinstance(workflow, Mapping) else workflow)
    return WorkflowPayload(
        kind=kind,
        event=event,
        contact=ContactPayload(
            change="hint",
            contact_id=contact_id,
            occurred_at=reader.when("date_created"),
            facts=facts,
            tags=_tags(reader),
        ),
        key=next((key for name in KEYS if (key := reader.loose(name, 100) or extra.loose(name, 100))), ""),
        occurred_at=_occurred_at(body.get("occurred_at") or extra.body.get("occurred_at"), time_zone),
        data={clean(name)[:60]: value for name, value in list(data.items())[:40]},
    )


def _kind(event: str) -> Kind | None:
    """Return the kind an event's name means; none given tells of the contact only."""
    if not event:
        return None
    letters = re.sub(r"[^a-z]", "", event.lower())
    if letters not in EVENTS:
        known = "FormSubmitted, SurveySubmitted, LinkClicked, PageViewed, ListingViewed, ListingSaved, "
        known += "ListingShared, ShowingRequested, ValuationRequested, StageChanged, TagAdded, ContactChanged"
        raise PayloadError("event", f"is not one we know; use one of {known}")
    return EVENTS[letters]


def _facts(reader: Reader) -> dict[str, str]:
    """Return the contact facts that are told; an empty one is unknown, not cleared."""
    facts: dict[str, str] = {}
    for theirs, ours in TEXTS.items():
        if text := reader.loose(theirs):
            facts.setdefault(ours, text)
    return facts


def _tags(reader: Reader) -> tuple[str, ...] | None:
    """Return the tags, which come as one text with commas."""
    value = reader.body.get("tags")
    if value is None:
        return None
    if isinstance(value, list):
        return reader.texts("tags")
    parts = (part.strip()[:200] for part in reader.text("tags", 5_000).split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _occurred_at(value: object, time_zone: str) -> datetime | None:
    """Return the moment, also in the location's own day-first notation; an unreadable one is unknown."""
    if moment := read_moment(value):
        return moment
    if not isinstance(value, str):
        return None
    zone: tzinfo = UTC
    with suppress(ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo(time_zone)
    for pattern in DATES:
        try:
            return datetime.strptime(value.strip(), pattern).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    return None


def _refuse_merge_fields(body: Mapping[str, Any], path: str = "", depth: int = 3) -> None:
    """Refuse a body in which GHL left a merge field unfilled: every fact in it would be wrong."""
    for name, value in body.items():
        if isinstance(value, str) and _MERGE_FIELD.search(value):
            raise PayloadError(
                f"{path}{clean(name)[:60]}", "still holds a merge field: GoHighLevel did not fill it"
            )
        if isinstance(value, Mapping) and depth:
            _refuse_merge_fields(value, f"{path}{clean(name)[:60]}.", depth - 1)
