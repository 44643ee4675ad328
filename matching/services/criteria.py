"""Keep what leads look for, what they answer to what was observed, and with whom they look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Lead, User
from leads.services.events import record_event
from matching import preferences
from matching.models import Criteria, Household, SavedSearch
from matching.selectors.fits import observations_of, wanted_of
from matching.wants import FACTORS, wants_of

MOST_SEARCHES = 20


@transaction.atomic
def keep_criteria(*, lead: Lead, told: Mapping[str, Any], by: User | None, now: datetime) -> Criteria:
    """Keep what a lead looks for; raises WantsError with everything that is wrong. What was learned stays."""
    wants = wants_of(told)
    criteria, _ = Criteria.objects.select_for_update().get_or_create(
        lead=lead, defaults={"tenant_id": lead.tenant_id, "changed_at": now}
    )
    before = criteria.wants
    criteria.wants = wants.as_json()
    if before == criteria.wants and criteria.changed_by_id:
        return criteria
    if criteria.learned:
        belief = preferences.restated(preferences.posterior_of(criteria.learned), wants.weights())
        criteria.learned = belief.as_json()
    criteria.changed_by, criteria.changed_at = by, now
    criteria.save(update_fields=["wants", "learned", "changed_by", "changed_at"])
    record_event(
        tenant=lead.tenant,
        lead=lead,
        kind=Kind.CRITERIA_CHANGED,
        occurred_at=now,
        data={"fields": _changed(before, criteria.wants)},
        actor_id=by.pk if by else None,
    )
    return criteria


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


@transaction.atomic
def answer_observation(*, lead: Lead, key: str, accept: bool, by: User | None, now: datetime) -> Criteria:
    """Take over what was observed into what is looked for, or never tell of it again."""
    criteria = Criteria.objects.select_for_update().filter(lead=lead).first()
    if criteria is None:
        raise DomainError("Nobody entered yet what this lead looks for.", "criteria")
    criteria.lead = lead
    found = {one.key: one for one in observations_of(lead, wanted_of(criteria))}
    if key not in found:
        raise DomainError("That observation was answered already, or does not hold any more.", "observation")
    if accept:
        told = {
            name: value
            for name, value in {**criteria.wants, **found[key].change}.items()
            if value is not None
        }
        keep_criteria(lead=lead, told=told, by=by, now=now)
        criteria.refresh_from_db()
    criteria.answers = {
        **criteria.answers,
        key: {
            "accepted": accept,
            "by": by.pk if by else None,
            "at": now.isoformat(),
            "text": found[key].text,
        },
    }
    criteria.save(update_fields=["answers"])
    return criteria


@transaction.atomic
def undo_learned(*, lead: Lead, factor: str) -> Criteria:
    """Let one factor, or with no name all, weigh again as the lead stated."""
    criteria = Criteria.objects.select_for_update().filter(lead=lead).first()
    if criteria is None or not criteria.learned:
        raise DomainError("Nothing was learned of this lead yet.", "learned")
    if factor:
        belief = preferences.posterior_of(criteria.learned)
        if factor not in FACTORS:
            raise DomainError("There is no such factor.", "factor")
        criteria.learned = preferences.undone(belief, factor).as_json()
    else:
        criteria.learned = {}
    criteria.save(update_fields=["learned"])
    return criteria


@transaction.atomic
def look_together(*, lead: Lead, other: Lead, now: datetime) -> Household:
    """Let two leads look for one home; each keeps criteria of their own."""
    if lead.pk == other.pk or lead.tenant_id != other.tenant_id:
        raise DomainError("Choose another lead of this brokerage.", "other")
    rows = []
    for each in sorted((lead, other), key=lambda one: one.pk):
        row, _ = Criteria.objects.select_for_update().get_or_create(
            lead=each, defaults={"tenant_id": each.tenant_id, "changed_at": now}
        )
        rows.append(row)
    household = next((row.household for row in rows if row.household is not None), None)
    if household is None:
        household = Household.objects.create(tenant_id=lead.tenant_id, made_at=now)
    for row in rows:
        if row.household_id not in (None, household.pk):
            raise DomainError("Both look for a home with others already: take one out first.", "other")
        row.household = household
        row.save(update_fields=["household"])
    return household


@transaction.atomic
def look_alone(*, lead: Lead) -> None:
    """Take a lead out of the household it looks with; one who is left looks alone, too."""
    criteria = Criteria.objects.select_for_update().filter(lead=lead).first()
    if criteria is None or criteria.household_id is None:
        return
    household = criteria.household_id
    Criteria.objects.filter(pk=criteria.pk).update(household=None)
    if Criteria.objects.filter(household_id=household).count() < 2:
        Criteria.objects.filter(household_id=household).update(household=None)
        Household.objects.filter(pk=household).delete()


@transaction.atomic
def remove_search(*, search: SavedSearch) -> None:
    """Take a saved search away; homes it found stay in the lead's history."""
    search.delete()


@transaction.atomic
def save_search(
    *,
    lead: Lead,
    name: str,
    told: Mapping[str, Any],
    frequency: str,
    by: User | None,
    now: datetime,
    search: SavedSearch | None = None,
) -> SavedSearch:
    """Keep a search a lead is told of by itself; a name of the lead's own tells it from others."""
    wants = wants_of(told)
    if not wants.as_json():
        raise DomainError("Say at least one thing the home must have: else every home is told of.", "wants")
    if frequency not in SavedSearch.Frequency.values:
        raise DomainError("Choose at once, daily, weekly or never.", "frequency")
    name = " ".join(name.split())[:80]
    if not name:
        raise DomainError("A saved search needs a name.", "name")
    others = SavedSearch.objects.select_for_update().filter(lead=lead)
    if search is None and others.count() >= MOST_SEARCHES:
        raise DomainError(f"{MOST_SEARCHES} saved searches are the most: take one away first.", "name")
    if search is not None:
        others = others.exclude(pk=search.pk)
    if others.filter(name=name).exists():
        raise DomainError("This lead has a search of that name already.", "name")
    is_new = search is None
    search = search or SavedSearch(tenant_id=lead.tenant_id, lead=lead, made_by=by, made_at=now)
    search.name, search.wants, search.frequency = name, wants.as_json(), frequency
    search.changed_at = now
    if frequency == SavedSearch.Frequency.OFF:
        search.due_at = None
    search.save()
    if is_new:
        record_event(
            tenant=lead.tenant,
            lead=lead,
            kind=Kind.SEARCH_SAVED,
            occurred_at=now,
            data={"name": name, "saved_search_id": search.pk},
            actor_id=by.pk if by else None,
        )
    return search
