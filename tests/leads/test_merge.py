from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.forms.models import model_to_dict

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, FeatureState, Identity, Lead, LeadMerge, Role, Tenant, User
from leads.quality import quality
from leads.selectors.duplicates import duplicates_of
from leads.selectors.leads import family_ids
from leads.services.merging import merge_leads, undo_merge
from tests.factories import EventFactory, IdentityFactory, LeadFactory, MembershipFactory

pytestmark = pytest.mark.django_db

EARLY = datetime(2026, 1, 5, 10, tzinfo=UTC)
LATE = datetime(2026, 6, 5, 10, tzinfo=UTC)


def _judged(lead: Lead) -> Lead:
    """Give a lead the completeness its record has."""
    verdict = quality(lead)
    lead.quality = verdict.score
    lead.quality_missing = [missing.as_dict() for missing in verdict.missing]
    lead.save(update_fields=["quality", "quality_missing"])
    return lead


@pytest.fixture
def survivor(tenant: Tenant) -> Lead:
    lead: Lead = LeadFactory(
        tenant=tenant,
        contact_id="contact-a",
        first_name="Dana",
        last_name="",
        email="dana@example.net",
        phone="",
        tags=["vip"],
        custom={"pool": "yes"},
        profile={"budget": 500000.0},
        consent={"SMS": {"state": "granted", "at": "2026-01-01", "source": "ghl"}},
        created_at=LATE,
        last_event_at=EARLY,
        last_outbound_at=EARLY + timedelta(hours=1),
        awaiting_reply_since=LATE,
    )
    for kind, value in [("email", "dana@example.net"), ("contact_id", "contact-a")]:
        IdentityFactory(lead=lead, kind=kind, value=value, is_primary=True)
    return _judged(lead)


@pytest.fixture
def absorbed(tenant: Tenant, agent: User) -> Lead:
    lead: Lead = LeadFactory(
        tenant=tenant,
        contact_id="contact-b",
        first_name="D.",
        last_name="Ortiz",
        email="ortiz@example.org",
        phone="+12065550123",
        tags=["vip", "open house"],
        custom={"pool": "no", "beds": 3},
        profile={"timeline": "0-3 months"},
        consent={"SMS": {"state": "denied", "at": "2026-02-01", "source": "ghl"}},
        assigned_to=agent,
        created_at=EARLY,
        last_event_at=LATE,
        awaiting_reply_since=EARLY,
    )
    for kind, value in [("email", "ortiz@example.org"), ("phone", "+12065550123")]:
        IdentityFactory(lead=lead, kind=kind, value=value, is_primary=True)
    return _judged(lead)


def _whole(*leads: Lead) -> dict[str, Any]:
    """Return all a merge may touch, but for the moment of the last change and the marks of writes."""
    left_out = {"updated_at": None, "written_back": None}
    rows = {lead.pk: {**model_to_dict(Lead.objects.get(pk=lead.pk)), **left_out} for lead in leads}
    identities = list(Identity.objects.order_by("pk").values("pk", "lead", "kind", "value", "is_primary"))
    return {"leads": rows, "identities": identities}


def test_the_survivor_gains_what_it_lacked(survivor: Lead, absorbed: Lead, agent: User) -> None:
    merge_leads(survivor=survivor, absorbed=absorbed, by=agent, reason="One person")

    lead = Lead.objects.get(pk=survivor.pk)
    assert (lead.first_name, lead.last_name) == ("Dana", "Ortiz")
    assert (lead.email, lead.phone) == ("dana@example.net", "+12065550123")
    assert (lead.contact_id, lead.assigned_to) == ("contact-a", agent)
    assert lead.tags == ["vip", "open house"]
    assert lead.custom == {"pool": "yes", "beds": 3}
    assert lead.profile == {"budget": 500000.0, "timeline": "0-3 months"}
    assert (lead.created_at, lead.last_event_at) == (EARLY, LATE)
    assert lead.awaiting_reply_since == LATE  # the earlier message was answered meanwhile


def test_a_refusal_on_either_record_holds(survivor: Lead, absorbed: Lead) -> None:
    merge_leads(survivor=survivor, absorbed=absorbed, by=None)

    assert Lead.objects.get(pk=survivor.pk).consent["SMS"]["state"] == "denied"


def test_the_absorbed_stands_for_the_survivor(survivor: Lead, absorbed: Lead) -> None:
    merge_leads(survivor=survivor, absorbed=absorbed, by=None)

    absorbed.refresh_from_db()
    assert (absorbed.status, absorbed.merged_into) == (Lead.Status.MERGED, survivor)
    assert {(i.kind, i.value, i.is_primary) for i in survivor.identities.all()} == {
        ("email", "dana@example.net", True),
        ("contact_id", "contact-a", True),
        ("contact_id", "contact-b", False),  # had no identity of its own
        ("email", "ortiz@example.org", False),
        ("phone", "+12065550123", True),
    }
    assert family_ids(survivor) == [survivor.pk, absorbed.pk]


def test_events_are_not_rewritten(survivor: Lead, absorbed: Lead, agent: User) -> None:
    event = EventFactory(lead=absorbed)

    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=agent)

    assert Event.objects.get(pk=event.pk).lead_id == absorbed.pk
    told = Event.objects.get(kind=Kind.LEAD_MERGED)
    assert (told.lead, told.actor) == (survivor, agent)
    assert told.data == {"merge": merge.pk, "survivor": survivor.pk, "absorbed": absorbed.pk}


def test_undo_restores_identities_and_fields_exactly(survivor: Lead, absorbed: Lead, agent: User) -> None:
    before = _whole(survivor, absorbed)
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=agent)
    assert _whole(survivor, absorbed) != before

    undo_merge(merge=merge, by=agent)

    assert _whole(survivor, absorbed) == before
    assert Event.objects.filter(kind=Kind.LEAD_UNMERGED).count() == 2
    merge.refresh_from_db()
    assert (merge.undone_by, merge.undone_at is not None) == (agent, True)


def test_undo_keeps_what_changed_since(survivor: Lead, absorbed: Lead) -> None:
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    lead = Lead.objects.get(pk=survivor.pk)
    lead.phone = "+12065550199"
    lead.custom["beds"] = 4
    lead.tags = [*lead.tags, "call back"]
    lead.last_event_at = LATE + timedelta(days=9)
    lead.save()

    undo_merge(merge=merge, by=None)

    lead.refresh_from_db()
    assert (lead.phone, lead.last_name) == ("+12065550199", "")
    assert lead.custom == {"pool": "yes", "beds": 4}
    assert lead.tags == ["vip", "call back"]
    assert lead.last_event_at == LATE + timedelta(days=9)


def test_undo_brings_back_an_identity_that_went_missing(survivor: Lead, absorbed: Lead) -> None:
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    Identity.objects.filter(value="ortiz@example.org").delete()

    undo_merge(merge=merge, by=None)

    assert Identity.objects.get(value="ortiz@example.org").lead == absorbed


def test_a_buyers_login_follows_the_person_and_back(survivor: Lead, absorbed: Lead, tenant: Tenant) -> None:
    member = MembershipFactory(tenant=tenant, role=Role.BUYER, lead=absorbed)
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    member.refresh_from_db()
    assert member.lead == survivor

    undo_merge(merge=merge, by=None)

    member.refresh_from_db()
    assert member.lead == absorbed


def test_histories_are_read_anew_after_merge_and_undo(survivor: Lead, absorbed: Lead) -> None:
    for lead in (survivor, absorbed):
        FeatureState.objects.create(lead=lead, state={}, version="1", last_event_id=1, last_occurred_at=EARLY)

    merge_leads(survivor=survivor, absorbed=absorbed, by=None)

    assert not FeatureState.objects.exists()


def test_a_chain_of_merges_is_flat_and_comes_apart_in_order(
    survivor: Lead, absorbed: Lead, tenant: Tenant
) -> None:
    third = _judged(LeadFactory(tenant=tenant))
    before = _whole(survivor, absorbed, third)
    first = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    second = merge_leads(survivor=third, absorbed=survivor, by=None)
    absorbed.refresh_from_db()
    assert absorbed.merged_into == third

    with pytest.raises(DomainError, match=rf"took part in a later merge \({second.pk}\)"):
        undo_merge(merge=first, by=None)
    undo_merge(merge=second, by=None)
    absorbed.refresh_from_db()
    assert absorbed.merged_into == survivor
    undo_merge(merge=first, by=None)

    assert _whole(survivor, absorbed, third) == before


def test_two_merges_into_one_come_apart_latest_first(survivor: Lead, absorbed: Lead, tenant: Tenant) -> None:
    third = LeadFactory(tenant=tenant)
    first = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    merge_leads(survivor=survivor, absorbed=third, by=None)

    with pytest.raises(DomainError) as refused:
        undo_merge(merge=first, by=None)

    assert refused.value.code == "order"


def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(
    survivor: Lead, absorbed: Lead, other_lead: Lead, tenant: Tenant
) -> None:
    merged = LeadFactory(tenant=tenant, status=Lead.Status.MERGED, merged_into=survivor)
    deleted = LeadFactory(tenant=tenant, status=Lead.Status.DELETED)
    before = _whole(survivor, absorbed)

    refusals: list[tuple[Lead, Lead, str]] = [
        (survivor, survivor, "same"),
        (survivor, other_lead, "tenant"),
        (merged, absorbed, "merged"),
        (absorbed, merged, "merged"),
        (survivor, deleted, "deleted"),
    ]
    for one, other, code in refusals:
        with pytest.raises(DomainError) as refused:
            merge_leads(survivor=one, absorbed=other, by=None)
        assert refused.value.code == code
    assert _whole(survivor, absorbed) == before
    assert not LeadMerge.objects.exists()


def test_a_merge_is_undone_once(survivor: Lead, absorbed: Lead) -> None:
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    undo_merge(merge=merge, by=None)

    with pytest.raises(DomainError) as refused:
        undo_merge(merge=merge, by=None)

    assert refused.value.code == "already"


def _run_together(*calls: Callable[[], Any]) -> list[Exception | None]:
    """Run calls in threads that all wait at one line; return how each ended."""
    ended: list[Exception | None] = [None] * len(calls)
    line = threading.Barrier(len(calls))

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            line.wait(timeout=10)
            call()
        except DomainError as error:
            ended[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return ended


@pytest.mark.django_db(transaction=True)
def test_two_merges_at_once_crossing_each_other_leave_one(survivor: Lead, absorbed: Lead) -> None:
    for _ in range(5):
        ended = _run_together(
            lambda: merge_leads(survivor=survivor, absorbed=absorbed, by=None),
            lambda: merge_leads(survivor=absorbed, absorbed=survivor, by=None),
        )

        refused = [error for error in ended if error is not None]
        assert [error.code for error in refused if isinstance(error, DomainError)] == ["merged"]
        merge = LeadMerge.objects.get(undone_at__isnull=True)
        assert list(Lead.objects.filter(status=Lead.Status.MERGED)) == [merge.absorbed]
        undo_merge(merge=merge, by=None)


@pytest.mark.django_db(transaction=True)
def test_a_merge_waits_for_one_in_hand_and_stays_flat(survivor: Lead, absorbed: Lead, tenant: Tenant) -> None:
    third = LeadFactory(tenant=tenant)
    waits = threading.Event()

    def second() -> None:
        waits.set()
        merge_leads(survivor=third, absorbed=survivor, by=None)
        connections.close_all()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        merge_leads(survivor=survivor, absorbed=absorbed, by=None)
        thread.start()
        waits.wait(timeout=10)
        _until_somebody_waits_for_a_lock()
    thread.join(timeout=30)

    assert set(Lead.objects.filter(merged_into=third)) == {survivor, absorbed}


def _until_somebody_waits_for_a_lock() -> None:
    for _ in range(10_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody came to wait")


def test_leads_with_one_address_are_suggested(survivor: Lead, absorbed: Lead, tenant: Tenant) -> None:
    LeadFactory(tenant=tenant, email="", phone="")
    LeadFactory(email="dana@example.net")  # of another tenant
    same_email = LeadFactory(tenant=tenant, email="dana@example.net")
    IdentityFactory(lead=same_email, kind="phone", value="+12065550177")
    Lead.objects.filter(pk=survivor.pk).update(phone="+12065550177")
    survivor.refresh_from_db()

    assert [(d.lead, d.reasons) for d in duplicates_of(survivor)] == [
        (same_email, ("same e-mail address", "same phone number"))
    ]
    assert [d.lead for d in duplicates_of(same_email)] == [survivor]
    assert duplicates_of(absorbed) == []


def test_a_lead_without_an_address_resembles_nobody(tenant: Tenant) -> None:
    assert duplicates_of(LeadFactory(tenant=tenant, email="", phone="")) == []
