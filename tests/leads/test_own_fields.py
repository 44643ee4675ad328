"""What a tenant's own fields held is in the log, and in a lead's state, at each moment and not before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from leads.events import Kind
from leads.intake import LeadFacts
from leads.ml import custom
from leads.ml.features import EventFact, State, advance, replay, vector
from leads.models import CustomField, Event, Lead, Tenant, User
from leads.selectors.histories import histories_of
from leads.services.leads import update_lead
from tests import ghl
from tests.conftest import Freeze

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def door(settings: Settings, freeze: Freeze, tenant: Tenant) -> Tenant:
    ghl.open_door(settings)
    freeze(NOW)
    for ghl_id, key, data_type in (("f1", "range", "SINGLE_OPTIONS"), ("f2", "wishes", "CHECKBOX")):
        CustomField.objects.create(tenant=tenant, ghl_id=ghl_id, key=key, name=key, data_type=data_type)
    CustomField.objects.create(tenant=tenant, ghl_id="f3", key="hearthline_score", name="Score")
    return tenant


def contact(kind: str, tenant: Tenant, at: datetime, *, was: datetime | None = None, **fields: Any) -> None:
    ghl.deliver(
        {
            "type": kind,
            "locationId": tenant.location_id,
            "timestamp": at.isoformat(),
            "webhookId": f"{kind}-{at.isoformat()}",
            "id": "contact-1",
            "firstName": "Jordan",
            "dateAdded": (was or at).isoformat(),
            "dateUpdated": at.isoformat(),
            "customFields": [{"id": name, "value": value} for name, value in fields.items()],
        }
    )


def seen(lead: Lead, at: datetime) -> dict[str, Any]:
    return dict(vector(replay(histories_of([lead], until=at)[lead.pk], at), at).custom)


def test_each_moment_knows_what_was_told_by_then(door: Tenant) -> None:
    start = NOW - 3 * HOUR
    contact("ContactCreate", door, start, f1="500–600k", f3="87")
    contact("ContactUpdate", door, NOW - HOUR, f1="600–700k", f2="yard, garage", unknown={"a": 1})
    contact("ContactUpdate", door, NOW, f1="", f2="yard, garage")

    lead = Lead.objects.get()
    told = [(event.kind, event.data.get("custom")) for event in Event.objects.order_by("pk")]
    assert told == [
        (Kind.CONTACT_CREATED, {"range": "500–600k"}),
        (Kind.CONTACT_UPDATED, {"range": "600–700k", "wishes": ["garage", "yard"]}),
        (Kind.CONTACT_UPDATED, {"range": None}),
    ]
    assert seen(lead, start - HOUR) == {}
    assert seen(lead, start) == seen(lead, NOW - 2 * HOUR) == {"range": "500–600k"}
    assert seen(lead, NOW - HOUR) == {"range": "600–700k", "wishes": ["garage", "yard"]}
    assert seen(lead, NOW) == {"wishes": ["garage", "yard"]}


def test_a_contact_first_seen_late_was_not_always_as_it_is_now(door: Tenant) -> None:
    contact("ContactCreate", door, NOW, was=NOW - timedelta(days=300), f1="500–600k")

    created, filled = Event.objects.order_by("occurred_at")
    assert (created.kind, created.data.get("custom")) == (Kind.CONTACT_CREATED, None)
    assert (filled.kind, filled.occurred_at) == (Kind.CONTACT_UPDATED, NOW)
    assert filled.data == {"fields": ["custom.range"], "custom": {"range": "500–600k"}}
    lead = Lead.objects.get()
    assert seen(lead, NOW - timedelta(days=200)) == {}
    assert seen(lead, NOW) == {"range": "500–600k"}


def test_a_first_sight_that_tells_of_something_else_tells_the_fields_too(door: Tenant) -> None:
    contact("ContactTagUpdate", door, NOW, f1="500–600k")

    assert [event.data for event in Event.objects.filter(kind=Kind.CONTACT_UPDATED)] == [
        {"fields": ["custom.range"], "custom": {"range": "500–600k"}}
    ]


def test_what_a_person_edits_is_told_once(door: Tenant, lead: Lead, agent: User) -> None:
    facts = LeadFacts(custom={"range": "500–600k"}, profile={"budget": "500–600k", "timeline": "spring"})
    update_lead(lead=lead, facts=facts, by=agent)

    assert seen(lead, NOW) == {"range": "500–600k", "profile.timeline": "spring"}


def test_values_are_kept_short_and_only_so_many() -> None:
    told = {"long": "x " * 500, "many": list(range(50)), "flag": True, "sum": 580_000.0, "odd": {"a": 1}}
    fact = EventFact(Kind.CONTACT_UPDATED, NOW, {"custom": told}, 1)
    held = advance({}, fact)["custom"]

    assert {name: held[name] for name in ("flag", "sum")} == {"flag": "yes", "sum": "580000"}
    assert (len(held["long"]), len(held["many"]), "odd" in held) == (
        custom.LENGTH,
        custom.MOST_CHOICES,
        False,
    )
    more = {f"f{i:03}": "x" for i in range(200)}
    full = advance(
        {"custom": held, "at": 0.0, "id": 0}, EventFact(Kind.CONTACT_UPDATED, NOW, {"custom": more}, 2)
    )
    assert len(full["custom"]) == custom.MOST_FIELDS
    assert held.items() <= full["custom"].items()
    assert advance({}, EventFact(Kind.LISTING_VIEWED, NOW, {"custom": told}, 1)).get("custom") is None


_VALUES = st.one_of(
    st.none(), st.booleans(), st.text(max_size=300), st.floats(), st.integers(), st.lists(st.text(max_size=9))
)


@given(st.lists(st.dictionaries(st.text(max_size=5), _VALUES, max_size=8), max_size=6))
def test_a_state_holds_the_latest_of_each_field_whatever_comes(told: list[dict[str, Any]]) -> None:
    state: State = {}
    expected: dict[str, Any] = {}
    for i, fields in enumerate(told):
        state = advance(state, EventFact(Kind.CONTACT_UPDATED, NOW + i * HOUR, {"custom": fields}, i))
        expected |= {name: custom.short(value) for name, value in fields.items()}

    assert state.get("custom", {}) == {name: value for name, value in expected.items() if value is not None}
