from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from leads import enrichment as registry
from leads.enrichment import hooks, phone_number, register_enrichment, unregister_enrichment
from leads.events import Kind
from leads.intake import LeadFacts
from leads.models import Enrichment, Event, Lead
from leads.services import enrichment
from leads.services.events import record_event
from leads.tasks import enrichment as tasks


@pytest.fixture
def county() -> Iterator[list[Mapping[str, Any]]]:
    """A hook whose answers a test decides: what it gives next, or raises."""
    answers: list[Any] = []

    @register_enrichment("county", source="County records")
    def find(facts: LeadFacts) -> Mapping[str, Any]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: Mapping[str, Any] = answer
        return found

    yield answers
    unregister_enrichment("county")


def kept(lead: Lead, name: str) -> Enrichment:
    return Enrichment.objects.get(lead=lead, provider=name)


@pytest.mark.parametrize(
    ("phone", "found"),
    [
        (
            "+15412345678",
            {
                "state": "OR",
                "country": "US",
                "time_zones": ["America/Los_Angeles"],
                "line_type": "landline or mobile",
                "is_estimate": True,
            },
        ),
        (
            "+18002345678",
            {"country": "US", "line_type": "toll-free", "is_estimate": True},
        ),
        ("", {}),
        ("5412345678", {}),
    ],
)
def test_a_number_tells_its_state_zone_and_kind_of_line(phone: str, found: dict[str, Any]) -> None:
    told = dict(phone_number(LeadFacts(phone=phone)))

    assert {name: told[name] for name in found} == found
    assert bool(told) is bool(found)


def test_what_a_hook_finds_is_kept_with_its_source_and_told_once(lead: Lead, county: list[Any]) -> None:
    county += [{"school_district": "Bend"}, {"school_district": "Bend"}]

    enrichment.enrich_lead(lead=lead)
    enrichment.enrich_lead(lead=lead)

    row = kept(lead, "county")
    assert (row.data, row.source, row.error) == ({"school_district": "Bend"}, "County records", "")
    event = Event.objects.get(kind="lead.enriched")
    assert event.data == {"provider": "county", "source": "County records", "fields": ["school_district"]}


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (RuntimeError("dana@example.com is unknown"), "RuntimeError in county"),
        ({"f": object()}, "TypeError in county"),
        ({"f": float("nan")}, "ValueError in county"),
        ({"f": "x" * 30_000}, "ValueError in county"),
        ("no mapping", "ValueError in county"),
    ],
)
def test_a_hook_that_fails_stops_nobody_and_leaves_what_was_found(
    lead: Lead, county: list[Any], failure: object, error: str
) -> None:
    Lead.objects.filter(pk=lead.pk).update(phone="+15412345678")
    lead.refresh_from_db()
    county += [{"school_district": "Bend"}, failure]
    enrichment.enrich_lead(lead=lead)

    enrichment.enrich_lead(lead=lead)

    row = kept(lead, "county")
    assert (row.error, row.data) == (error, {"school_district": "Bend"})
    assert kept(lead, "phone-number").data["state"] == "OR"
    assert sorted(Event.objects.values_list("data__provider", flat=True)) == ["county", "phone-number"]


def test_a_hook_gets_frozen_facts_of_its_own(lead: Lead, county: list[Any]) -> None:
    facts = enrichment.facts_of(lead)

    with pytest.raises(AttributeError):
        facts.phone = "+1"  # type: ignore[misc]
    assert facts.email == lead.email
    assert facts.custom is not lead.custom


def test_names_are_registered_once(county: list[Any]) -> None:
    with pytest.raises(ValueError, match="registered already"):
        register_enrichment("county", source="x")(phone_number)
    with pytest.raises(ValueError, match="needs a name"):
        register_enrichment("", source="x")
    assert [hook.name for hook in hooks()] == ["county", "phone-number"]
    assert registry.hooks()[1].source.endswith("an estimate from the number")


def test_new_and_changed_leads_are_enriched_once_for_each_event(
    lead: Lead, other_lead: Lead, django_capture_on_commit_callbacks: object
) -> None:
    Lead.objects.filter(pk=lead.pk).update(phone="+15412345678")
    created = record_event(tenant=lead.tenant, kind=Kind.CONTACT_CREATED, lead=lead)
    plain = record_event(
        tenant=other_lead.tenant, kind=Kind.CONTACT_UPDATED, lead=other_lead, data={"fields": ["custom.pets"]}
    )
    assert created is not None
    assert plain is not None

    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            tasks.queue_enrichment([created.pk, plain.pk])

    assert [row.lead_id for row in Enrichment.objects.all()] == [lead.pk]
    assert Event.objects.filter(kind="lead.enriched").count() == 1


def test_a_changed_phone_is_looked_up_again(lead: Lead) -> None:
    changed = record_event(
        tenant=lead.tenant, kind=Kind.CONTACT_UPDATED, lead=lead, data={"fields": ["phone"]}
    )
    assert changed is not None

    assert enrichment.leads_to_enrich(event_ids=[changed.pk]) == [lead.pk]
    assert enrichment.leads_to_enrich(event_ids=[changed.pk]) == []
