"""Who may come to each address, by its name; a new address fails the access tests until it is listed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from django.utils.crypto import salted_hmac

from leads.models import APIKey, Membership, Role, Tenant, User, UserSession
from leads.services.imports import prepare_import
from leads.services.merging import merge_leads
from leads.services.model_runs import begin_run
from matching.models import Media, SavedSearch, SentListing
from scoring.models import LeadScore, MarketMonth, MortgageRate, ScoreQuery, WeightSet
from tests import factories
from tests.matching.factories import (
    AgencyLinkFactory,
    ListingFactory,
    NeighborhoodFactory,
    PlaceImportFactory,
    TextFindingFactory,
)

TEAM = frozenset({Role.AGENT, Role.BROKER, Role.ADMIN})
MANAGERS = frozenset({Role.BROKER, Role.ADMIN})
EVERYONE = frozenset(Role)
NOBODY: frozenset[Role] = frozenset()  # superusers only, whatever their role

Make = Callable[[Tenant, User], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """The roles let in, and how to call.

    `make` builds what the address names and `data` what is posted, for a tenant and its user; `answer` is the
    only right one where it is unusual.
    """

    roles: frozenset[Role]
    method: str = "get"
    make: Make | None = None
    is_personal: bool = False
    data: Make | None = None
    answer: int = 0


OPEN = {
    "leads:webhook": "signed bodies only",
    "leads:workflow-webhook": "the tenant's secret only",
    "leads:landing": "a page for all",
    "leads:login": "",
    "leads:logout": "",
    "leads:locked-out": "",
    "leads:password-reset": "",
    "leads:password-reset-sent": "",
    "leads:password-reset-confirm": "the mailed token only",
    "leads:invitation": "the mailed token only",
    "sent-listing": "the link only, which nobody can guess",
    "sent-listing-picture": "the link only",
    "sent-listing-photo": "the link only",
    "leads:theme": "a cookie, before signing in too",
    "leads:styleguide": "shows no data",
    "leads:health-live": "for load balancers",
    "leads:health-ready": "for load balancers",
    "leads:health-realtime": "for monitors; names no tenant",
    "leads:metrics": "refuses what is neither this machine nor a token",
    "api-token": "the way in",
    "api-token-refresh": "the way in",
    "api-nothing": "the API's 404",
    "api-schema": "describes, shows no data",
    "api-docs": "describes, shows no data",
}
"""Open to everyone, and why that is right."""


def the_tenant(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": tenant.pk}


def a_lead(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.LeadFactory(tenant=tenant).pk}


def a_text_finding(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": TextFindingFactory(listing__tenant=tenant).pk}


def a_scored_lead(tenant: Tenant, user: User) -> dict[str, Any]:
    lead, now = factories.LeadFactory(tenant=tenant), timezone.now()
    LeadScore.objects.create(
        tenant=tenant,
        lead=lead,
        score=50.0,
        tier="steady",
        base=50.0,
        contributions=[],
        pillars=[],
        mode=LeadScore.Mode.RULES,
        weight_set="rules",
        feature_version="1",
        inputs_hash="0" * 16,
        event_at=now,
        scored_at=now,
    )
    return {"pk": lead.pk}


def a_lead_of_yesterday(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.LeadFactory(tenant=tenant, created_at=timezone.now() - timedelta(days=1)).pk}


def a_score_query(tenant: Tenant, user: User) -> dict[str, Any]:
    query = ScoreQuery.objects.create(
        lead=factories.LeadFactory(tenant=tenant), at=timezone.now(), model="rules"
    )
    return {"pk": query.lead_id, "query": query.pk}


def another_lead(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"absorbed": factories.LeadFactory(tenant=tenant).pk, "reason": "the same person"}


def a_delivery(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.WebhookDeliveryFactory(tenant=tenant).pk}


def an_import(tenant: Tenant, user: User) -> dict[str, Any]:
    made = prepare_import(tenant=tenant, by=user, file_name="a.csv", content=b"email\na@example.com\n")
    made.errors = [{"row": 1, "field": "email", "what": "Wrong.", "mend": "Right."}]
    made.save(update_fields=["errors"])
    return {"pk": made.pk}


def an_alert(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.AlertFactory(lead=factories.LeadFactory(tenant=tenant)).pk}


def a_notification(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.NotificationFactory(tenant=tenant, user=user).pk}


def a_colleague(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.MembershipFactory(tenant=tenant, role=Role.AGENT).pk}


def an_invitation(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.InvitationFactory(tenant=tenant).pk}


def a_session(tenant: Tenant, user: User) -> dict[str, Any]:
    session = UserSession.objects.filter(user=user).latest("created_at")
    return {"ref": salted_hmac("session-ref", session.session_key).hexdigest()[:16]}


def an_api_key(tenant: Tenant, user: User) -> dict[str, Any]:
    membership = Membership.objects.get(user=user, tenant=tenant)
    key, _ = APIKey.objects.create_key(name="A key", membership=membership)
    return {"prefix": key.prefix}


def a_model_version(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.ModelVersionFactory(tenant=tenant).pk}


def a_model_run(tenant: Tenant, user: User) -> dict[str, Any]:
    run, _ = begin_run(tenant=tenant, engine="scores", work="train", by=user)
    return {"pk": run.pk}


def a_market_month(tenant: Tenant, user: User) -> dict[str, Any]:
    month = timezone.now().date().replace(year=2020, day=1)
    row = MarketMonth.objects.create(tenant=tenant, area="Austin", month=month, homes_sold=4)
    return {"pk": row.pk}


def a_mortgage_rate(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": MortgageRate.objects.create(tenant=tenant, day=timezone.now().date(), rate=6.5).pk}


def an_area(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"slug": NeighborhoodFactory(tenant=tenant).slug}


def a_place_import(tenant: Tenant, user: User) -> dict[str, Any]:
    error = {"row": 1, "field": "geometry", "what": "Wrong.", "mend": "Right."}
    return {"pk": PlaceImportFactory(tenant=tenant, errors=[error]).pk}


def an_agency_link(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": AgencyLinkFactory(tenant=tenant).pk}


def a_listing(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": ListingFactory(tenant=tenant).pk}


def a_photo(tenant: Tenant, user: User) -> dict[str, Any]:
    photo = Media.objects.create(listing=ListingFactory(tenant=tenant), media_key="front")
    return {"pk": photo.listing_id, "photo": photo.pk}


def an_experiment(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"pk": factories.ExperimentFactory(tenant=tenant).pk}


def a_weight_set(tenant: Tenant, user: User) -> dict[str, Any]:
    row = WeightSet.objects.create(tenant=tenant, number=7, origin="broker", weights={"": {}})
    return {"number": row.number}


def a_lead_and_a_home(tenant: Tenant, user: User) -> dict[str, Any]:
    home = ListingFactory(tenant=tenant)
    return {"pk": factories.LeadFactory(tenant=tenant).pk, "listing_pk": home.pk}


def a_partner(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"other": factories.LeadFactory(tenant=tenant).pk}


def a_saved_search(tenant: Tenant, user: User) -> dict[str, Any]:
    lead = factories.LeadFactory(tenant=tenant)
    search = SavedSearch.objects.create(tenant=tenant, lead=lead, name="Near work", wants={"beds_min": 3})
    return {"pk": lead.pk, "search_pk": search.pk}


def a_sent_home(tenant: Tenant, user: User) -> dict[str, Any]:
    lead, home = factories.LeadFactory(tenant=tenant), ListingFactory(tenant=tenant)
    sent = SentListing.objects.create(tenant=tenant, lead=lead, listing=home, sent_by=user)
    return {"pk": lead.pk, "sent_pk": sent.pk}


def own_membership(tenant: Tenant, user: User) -> dict[str, Any]:
    return {"membership": Membership.objects.get(user=user, tenant=tenant).pk}


def a_merge(tenant: Tenant, user: User) -> dict[str, Any]:
    survivor, absorbed = factories.LeadFactory.create_batch(2, tenant=tenant)
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=user, reason="the same person")
    return {"pk": merge.pk}


PAGES = {
    # the agent portal
    "leads:dashboard": Route(TEAM),
    "leads:alert-bell": Route(TEAM),
    "leads:lead-list": Route(TEAM),
    "leads:lead-export": Route(TEAM),
    "leads:lead-assign": Route(TEAM, "post"),
    "leads:lead-new": Route(TEAM),
    "leads:lead-detail": Route(TEAM, make=a_lead),
    "leads:lead-edit": Route(TEAM, make=a_lead),
    "leads:lead-send": Route(TEAM, "post", a_lead),
    "leads:lead-merge": Route(TEAM, make=a_lead),
    "leads:lead-merge-undo": Route(TEAM, "post", a_merge),
    "leads:lead-timeline": Route(TEAM, make=a_lead),
    "leads:lead-mark": Route(TEAM, "post", a_lead),
    "leads:lead-note": Route(TEAM, "post", a_lead),
    "scoring:lead-panel": Route(TEAM, make=a_lead),
    "scoring:lead-change": Route(TEAM, make=a_lead),
    "scoring:override": Route(TEAM, make=a_scored_lead),
    "scoring:override-withdraw": Route(TEAM, "post", a_scored_lead),
    "scoring:overview": Route(TEAM),
    "scoring:version-list": Route(TEAM),
    "scoring:version-train": Route(MANAGERS, "post"),
    "scoring:version-roll-back": Route(MANAGERS, "post"),
    "scoring:run": Route(TEAM, make=a_model_run),
    "scoring:version": Route(TEAM, make=a_model_version),
    "scoring:version-preview": Route(MANAGERS, "post", a_model_version),
    "scoring:version-shadow": Route(MANAGERS, "post", a_model_version),
    "scoring:version-publish": Route(MANAGERS, "post", a_model_version),
    "scoring:weights": Route(TEAM),
    "scoring:weights-learn": Route(MANAGERS, "post"),
    "scoring:weights-draft": Route(MANAGERS, "post"),
    "scoring:weights-roll-back": Route(MANAGERS, "post"),
    "scoring:weights-personal": Route(MANAGERS, "post"),
    "scoring:weight-set": Route(TEAM, make=a_weight_set),
    "scoring:weight-set-edit": Route(MANAGERS, "post", a_weight_set),
    "scoring:weight-set-discard": Route(MANAGERS, "post", a_weight_set),
    "scoring:weight-set-preview": Route(MANAGERS, "post", a_weight_set),
    "scoring:weight-set-publish": Route(MANAGERS, "post", a_weight_set),
    "scoring:market": Route(TEAM),
    "scoring:market-month": Route(MANAGERS, "post"),
    "scoring:market-month-remove": Route(MANAGERS, "post", a_market_month),
    "scoring:market-rate": Route(MANAGERS, "post"),
    "scoring:market-rate-remove": Route(MANAGERS, "post", a_mortgage_rate),
    "scoring:market-import": Route(MANAGERS, "post"),
    "scoring:market-use": Route(MANAGERS, "post"),
    "matching:area-list": Route(TEAM),
    "matching:area": Route(TEAM, make=an_area),
    "matching:listing-around": Route(TEAM, make=a_listing),
    "matching:places": Route(MANAGERS),
    "matching:places-remove": Route(MANAGERS, "post"),
    "matching:place-import": Route(MANAGERS, make=a_place_import),
    "matching:place-import-errors": Route(MANAGERS, make=a_place_import),
    "matching:agency-keep": Route(MANAGERS, "post"),
    "matching:agency-remove": Route(MANAGERS, "post", an_agency_link),
    "matching:criteria": Route(TEAM, make=a_lead),
    "matching:hub": Route(TEAM),
    "matching:criteria-limit": Route(TEAM, "post", a_lead),
    "matching:criteria-observed": Route(TEAM, "post", a_lead),
    "matching:criteria-undo": Route(TEAM, "post", a_lead),
    "matching:lead-why-not": Route(TEAM, make=a_lead),
    "matching:household": Route(TEAM, make=a_lead),
    "matching:household-join": Route(TEAM, "post", a_lead, data=a_partner),
    "matching:household-leave": Route(TEAM, "post", a_lead),
    "matching:search-add": Route(TEAM, "post", a_lead),
    "matching:search-change": Route(TEAM, "post", a_saved_search),
    "matching:search-remove": Route(TEAM, "post", a_saved_search),
    "matching:lead-panel": Route(TEAM, make=a_lead),
    "matching:lead-home": Route(TEAM, make=a_lead_and_a_home),
    "matching:lead-home-send": Route(TEAM, make=a_lead_and_a_home),
    "matching:lead-sent": Route(TEAM, make=a_sent_home),
    "matching:lead-home-rule-out": Route(TEAM, "post", a_lead_and_a_home),
    "matching:listing-list": Route(TEAM),
    "matching:listing-export": Route(TEAM),
    "matching:listing": Route(TEAM, make=a_listing),
    "matching:market": Route(TEAM),
    "matching:listing-buyers": Route(TEAM, make=a_listing),
    "matching:market-look": Route(MANAGERS, "post"),
    "matching:market-import": Route(MANAGERS, "post"),
    "matching:fair-housing": Route(TEAM),
    "matching:text-check": Route(TEAM, "post"),
    "matching:finding-keep": Route(MANAGERS, "post", a_text_finding),
    "matching:finding-mended": Route(TEAM, "post", a_text_finding),
    "matching:audit": Route(MANAGERS),
    "matching:audit-trial": Route(MANAGERS, "post"),
    "matching:audit-groups": Route(MANAGERS, "post"),
    "pictures:listing": Route(EVERYONE, make=a_listing),
    "pictures:photo": Route(EVERYONE, make=a_photo),
    "scoring:experiment-list": Route(TEAM),
    "scoring:experiment-new": Route(MANAGERS),
    "scoring:experiment": Route(TEAM, make=an_experiment),
    "scoring:experiment-start": Route(MANAGERS, "post", an_experiment),
    "scoring:experiment-end": Route(MANAGERS, "post", an_experiment),
    "scoring:experiment-discard": Route(MANAGERS, "post", an_experiment),
    "scoring:experiment-take-over": Route(MANAGERS, "post", an_experiment),
    "scoring:exploration": Route(MANAGERS, "post"),
    "scoring:tiers": Route(TEAM),
    "scoring:capacity": Route(MANAGERS, "post"),
    "leads:search": Route(TEAM),
    "leads:system": Route(TEAM),
    "leads:alert-list": Route(TEAM),
    "leads:alert-acknowledge": Route(TEAM, "post", an_alert),
    "leads:alert-rules": Route(MANAGERS),
    # integrations
    "leads:settings-ghl": Route(MANAGERS),
    "leads:ghl-connect": Route(MANAGERS),
    "leads:ghl-callback": Route(MANAGERS),
    "leads:ghl-locations": Route(NOBODY),
    "leads:ghl-connect-new": Route(NOBODY),
    "leads:ghl-location-join": Route(NOBODY, "post", the_tenant),
    "leads:ghl-test": Route(MANAGERS, "post"),
    "leads:ghl-reconnect": Route(MANAGERS, "post"),
    "leads:ghl-disconnect": Route(MANAGERS, "post"),
    "leads:workflow-secret-rotate": Route(MANAGERS, "post"),
    "leads:ghl-fields": Route(MANAGERS, "post"),
    "leads:ghl-fields-read": Route(MANAGERS, "post"),
    "leads:backfill": Route(MANAGERS),
    "leads:backfill-start": Route(MANAGERS, "post"),
    "leads:backfill-stop": Route(MANAGERS, "post"),
    "leads:lead-import": Route(MANAGERS),
    "leads:lead-import-detail": Route(MANAGERS, make=an_import),
    "leads:lead-import-errors": Route(MANAGERS, make=an_import),
    "leads:lead-import-columns": Route(MANAGERS, "post", an_import),
    "leads:lead-import-start": Route(MANAGERS, "post", an_import),
    "leads:lead-import-discard": Route(MANAGERS, "post", an_import),
    "leads:delivery-list": Route(MANAGERS),
    "leads:delivery-detail": Route(MANAGERS, make=a_delivery),
    "leads:delivery-replay": Route(MANAGERS, "post", a_delivery),
    # the team
    "leads:team": Route(MANAGERS),
    "leads:member-role": Route(MANAGERS, "post", a_colleague),
    "leads:member-deactivate": Route(MANAGERS, "post", a_colleague),
    "leads:member-reactivate": Route(MANAGERS, "post", a_colleague),
    "leads:invitation-renew": Route(MANAGERS, "post", an_invitation),
    "leads:invitation-revoke": Route(MANAGERS, "post", an_invitation),
    # one's own account
    "leads:account": Route(EVERYONE),
    "leads:membership-switch": Route(EVERYONE, "post", data=own_membership),
    "leads:account-appearance": Route(EVERYONE),
    "leads:account-keyboard": Route(EVERYONE),
    "leads:account-security": Route(EVERYONE),
    "leads:session-end-others": Route(EVERYONE, "post"),
    "leads:session-end": Route(EVERYONE, "post", a_session, is_personal=True),
    "leads:account-keys": Route(TEAM),
    "leads:api-key-revoke": Route(TEAM, "post", an_api_key, is_personal=True),
    "leads:notifications": Route(EVERYONE),
    "leads:notifications-read": Route(EVERYONE, "post"),
    "leads:notification-read": Route(EVERYONE, "post", a_notification),
    # live
    "leads:live-since": Route(EVERYONE),
    "leads:live-stream": Route(EVERYONE, answer=501),  # WSGI cannot stream; the ASGI way is tested apart
}

API = {
    "lead-list": Route(TEAM),
    "lead-detail": Route(TEAM, make=a_lead),
    "lead-duplicates": Route(TEAM, make=a_lead),
    "lead-events": Route(TEAM, make=a_lead),
    "lead-merge": Route(TEAM, "post", a_lead, data=another_lead),
    "merge-list": Route(TEAM),
    "merge-undo": Route(TEAM, "post", a_merge),
    "alert-list": Route(TEAM),
    "alert-detail": Route(TEAM, make=an_alert),
    "alert-acknowledge": Route(TEAM, "post", an_alert),
    "scoring-lead-explanation": Route(TEAM, make=a_scored_lead),
    "scoring-lead-score": Route(TEAM, make=a_lead),
    "scoring-lead-score-change": Route(TEAM, make=a_lead_of_yesterday),
    "scoring-lead-score-query": Route(TEAM, make=a_score_query),
    "scoring-prediction-list": Route(TEAM),
    "scoring-experiment-list": Route(TEAM),
    "scoring-experiment-detail": Route(TEAM, make=an_experiment),
    "scoring-model-list": Route(TEAM),
    "scoring-model-detail": Route(TEAM, make=a_model_version),
}


def named_routes() -> list[tuple[str, str]]:
    """Return (name, pattern) of every address of the product, the Django admin's own left out."""
    found: list[tuple[str, str]] = []

    def walk(patterns: list[Any], prefix: str, spaces: tuple[str, ...]) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                if pattern.namespace != "admin":
                    space = (pattern.namespace,) if pattern.namespace else ()
                    walk(pattern.url_patterns, prefix + str(pattern.pattern), spaces + space)
            elif isinstance(pattern, URLPattern):
                name = ":".join((*spaces, pattern.name)) if pattern.name else ""
                found.append((name, prefix + str(pattern.pattern)))

    walk(get_resolver().url_patterns, "", ())
    return found
