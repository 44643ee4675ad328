from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from leads.admin_site import MOST_ROWS, BoundedPaginator, RecordAdmin
from leads.models import (
    Alert,
    AlertDelivery,
    AlertSettings,
    APIKey,
    Consumed,
    ContactEdit,
    Conversation,
    CustomField,
    DeadLetter,
    Enrichment,
    Event,
    EventKey,
    FeatureState,
    GHLConnection,
    Identity,
    Invitation,
    Lead,
    LeadImport,
    LeadMerge,
    LiveCursor,
    LiveMessage,
    Membership,
    Message,
    ModelRun,
    ModelVersion,
    Notification,
    Role,
    Tenant,
    User,
    UserSession,
    WebhookDelivery,
    WorkflowSecret,
)
from scoring.models import (
    Experiment,
    ExperimentLead,
    LeadScore,
    MarketMonth,
    MortgageRate,
    PersonalWeights,
    ScoreOverride,
    ScoreQuery,
    ShadowScore,
    TierCuts,
    WeightSet,
    WeightSettings,
)
from tests import factories
from tests.conftest import SignIn
from tests.matching.tables import TABLES as HOMES

pytestmark = pytest.mark.django_db

NOW = timezone.now()

Make = Callable[[Lead, int], Any]

TABLES: dict[type[models.Model], Make] = {
    Tenant: lambda lead, n: lead.tenant,
    User: lambda lead, n: factories.MembershipFactory(tenant=lead.tenant).user,
    Membership: lambda lead, n: factories.MembershipFactory(tenant=lead.tenant, lead=lead, role=Role.BUYER),
    Invitation: lambda lead, n: factories.InvitationFactory(
        tenant=lead.tenant, invited_by=factories.UserFactory()
    ),
    APIKey: lambda lead, n: APIKey.objects.create_key(
        name=f"key {n}", membership=factories.MembershipFactory(tenant=lead.tenant)
    )[0],
    UserSession: lambda lead, n: UserSession.objects.create(
        session_key=f"{lead.pk}-{n}-secret",
        expire_date=NOW + timedelta(days=1),
        user=factories.MembershipFactory(tenant=lead.tenant).user,
    ),
    Lead: lambda lead, n: lead,
    Identity: lambda lead, n: factories.IdentityFactory(lead=lead),
    LeadMerge: lambda lead, n: LeadMerge.objects.create(
        tenant=lead.tenant,
        survivor=lead,
        absorbed=factories.LeadFactory(tenant=lead.tenant),
        by=factories.UserFactory(),
        snapshot={},
    ),
    CustomField: lambda lead, n: factories.CustomFieldFactory(tenant=lead.tenant),
    Enrichment: lambda lead, n: Enrichment.objects.create(lead=lead, provider="census"),
    FeatureState: lambda lead, n: FeatureState.objects.create(
        lead=lead, state={}, version="1", last_event_id=1, last_occurred_at=NOW
    ),
    LeadImport: lambda lead, n: LeadImport.objects.create(
        tenant=lead.tenant, file_name=f"{n}.csv", digest="0"
    ),
    Event: lambda lead, n: factories.EventFactory(lead=lead),
    EventKey: lambda lead, n: EventKey.objects.create(tenant=lead.tenant, key=f"key-{n}"),
    Consumed: lambda lead, n: Consumed.objects.create(group="scoring", event_id=lead.pk),
    DeadLetter: lambda lead, n: DeadLetter.objects.create(
        group="scoring", stream="s", tenant=lead.tenant, tries=3, error="x"
    ),
    WebhookDelivery: lambda lead, n: factories.WebhookDeliveryFactory(tenant=lead.tenant),
    WorkflowSecret: lambda lead, n: WorkflowSecret.objects.create(
        tenant=lead.tenant, digest=f"digest-{lead.pk}", hint="abcd"
    ),
    GHLConnection: lambda lead, n: factories.GHLConnectionFactory(tenant=lead.tenant),
    ContactEdit: lambda lead, n: ContactEdit.objects.create(lead=lead, fields=["city"]),
    LiveMessage: lambda lead, n: factories.LiveMessageFactory(tenant=lead.tenant),
    LiveCursor: lambda lead, n: LiveCursor.objects.create(tenant=lead.tenant),
    Conversation: lambda lead, n: factories.ConversationFactory(lead=lead),
    Message: lambda lead, n: factories.MessageFactory(conversation=factories.ConversationFactory(lead=lead)),
    AlertSettings: lambda lead, n: AlertSettings.objects.create(tenant=lead.tenant),
    Alert: lambda lead, n: factories.AlertFactory(lead=lead, assigned_to=factories.UserFactory()),
    AlertDelivery: lambda lead, n: AlertDelivery.objects.create(
        alert=factories.AlertFactory(lead=lead), channel="email", recipient=factories.UserFactory()
    ),
    Notification: lambda lead, n: factories.NotificationFactory(tenant=lead.tenant),
    LeadScore: lambda lead, n: LeadScore.objects.create(
        tenant=lead.tenant,
        lead=lead,
        score=50,
        tier="steady",
        base=40,
        contributions=[],
        pillars=[],
        mode="rules",
        weight_set="w",
        feature_version="1",
        inputs_hash="0",
        event_at=NOW,
        scored_at=NOW,
    ),
    ScoreOverride: lambda lead, n: ScoreOverride.objects.create(
        tenant=lead.tenant,
        lead=lead,
        score=80,
        reason="met",
        model_score=50,
        model_tier="steady",
        target="closing",
        ended_at=NOW,
        end="withdrawn",
    ),
    ScoreQuery: lambda lead, n: ScoreQuery.objects.create(lead=lead, at=NOW, model="rules"),
    TierCuts: lambda lead, n: TierCuts.objects.create(
        tenant=lead.tenant, model="m", cuts={}, hot_a_week=10, least_precision=0.2
    ),
    WeightSet: lambda lead, n: WeightSet.objects.create(
        tenant=lead.tenant, number=n, origin="learned", weights={}
    ),
    WeightSettings: lambda lead, n: WeightSettings.objects.create(tenant=lead.tenant, uses_market=True),
    PersonalWeights: lambda lead, n: PersonalWeights.objects.create(
        lead=lead, tenant=lead.tenant, multipliers={}, reasons={}, moments=5
    ),
    MarketMonth: lambda lead, n: MarketMonth.objects.create(
        tenant=lead.tenant, area=f"Area {n}", month=NOW.date().replace(day=1), homes_sold=n
    ),
    MortgageRate: lambda lead, n: MortgageRate.objects.create(tenant=lead.tenant, day=NOW.date(), rate=6.5),
    Experiment: lambda lead, n: factories.ExperimentFactory(tenant=lead.tenant),
    ExperimentLead: lambda lead, n: ExperimentLead.objects.create(
        experiment=factories.ExperimentFactory(tenant=lead.tenant),
        lead=lead,
        is_treated=True,
        entered_at=NOW,
    ),
    ShadowScore: lambda lead, n: ShadowScore.objects.create(
        version=factories.ModelVersionFactory(tenant=lead.tenant),
        lead=lead,
        score=40.0,
        tier="warm",
        standing_score=30.0,
        standing_tier="steady",
        scored_at=NOW,
    ),
    ModelVersion: lambda lead, n: factories.ModelVersionFactory(tenant=lead.tenant),
    ModelRun: lambda lead, n: ModelRun.objects.create(
        tenant=lead.tenant, engine="scores", work="train", state="done", told="Done."
    ),
    **HOMES,
}
OPERATORS = {Consumed}
"""Tables of the whole installation, for superusers alone."""


def _list(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _page(row: models.Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


@pytest.fixture
def staff(tenant: Tenant) -> User:
    """An admin of one tenant who is no superuser."""
    user = factories.UserFactory(is_staff=True, name="Sam Staff")
    factories.MembershipFactory(user=user, tenant=tenant, role=Role.ADMIN)
    return user


@pytest.fixture
def staff_client(staff: User, sign_in: SignIn) -> Client:
    return sign_in(staff)


APPS = ("leads", "scoring", "matching")


def test_every_table_is_in_the_admin() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label in APPS}
    every = {model for label in APPS for model in apps.get_app_config(label).get_models()}

    assert ours == every == set(TABLES)


# Who gets in


def test_a_stranger_signs_in_at_our_own_door(client: Client) -> None:
    response = client.get("/admin/", follow=True)

    assert response.redirect_chain[-1][0] == "/accounts/login/?next=/admin/"


@pytest.mark.parametrize("role", [Role.AGENT, Role.BROKER, Role.BUYER, Role.SELLER])
def test_only_admins_get_in(role: Role, tenant: Tenant, sign_in: SignIn) -> None:
    user = factories.MembershipFactory(tenant=tenant, role=role, user__is_staff=True).user

    browser = sign_in(user)

    assert browser.get("/admin/", follow=True).status_code == 403
    assert browser.get(_list(Lead), follow=True).status_code == 403


def test_the_admin_role_without_staff_does_not_get_in(tenant: Tenant, sign_in: SignIn) -> None:
    assert (
        sign_in(factories.MembershipFactory(tenant=tenant, role=Role.ADMIN).user)
        .get("/admin/", follow=True)
        .status_code
        == 403
    )


@pytest.mark.parametrize("end", [{"is_active": False}, {"role": Role.AGENT}])
def test_an_ended_admin_is_out_at_once(end: dict[str, Any], staff: User, staff_client: Client) -> None:
    assert staff_client.get("/admin/").status_code == 200

    staff.memberships.update(**end)

    assert staff_client.get("/admin/", follow=True).status_code == 403


def test_a_superuser_gets_in_without_a_tenant(sign_in: SignIn) -> None:
    assert sign_in(factories.UserFactory(is_staff=True, is_superuser=True)).get("/admin/").status_code == 200


# What is seen


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_list_and_its_pages_open_and_cost_the_same_however_many_rows(
    model: type[models.Model], signed_admin_client: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            response = signed_admin_client.get(_list(model))
        assert response.status_code == 200
        return len(captured)

    row = TABLES[model](factories.LeadFactory(), 0)
    TABLES[model](factories.LeadFactory(), 1)
    first = queries()
    for n in range(2, 12):
        TABLES[model](factories.LeadFactory(assigned_to=factories.UserFactory()), n)

    assert queries() == first <= 8
    if model is not UserSession:
        assert signed_admin_client.get(_page(row)).status_code == 200


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_staff_see_only_their_tenants_rows(
    model: type[models.Model], staff_client: Client, lead: Lead, other_lead: Lead
) -> None:
    ours, theirs = TABLES[model](lead, 1), TABLES[model](other_lead, 2)

    response = staff_client.get(_list(model))

    if model in OPERATORS:
        assert response.status_code == 403
        return
    shown = {row.pk for row in response.context["cl"].result_list}
    assert ours.pk in shown
    assert theirs.pk not in shown
    if model is not UserSession:
        assert staff_client.get(_page(ours)).status_code == 200
        assert staff_client.get(_page(theirs)).status_code == 302  # "doesn't exist", back to the index
        assert staff_client.post(_page(theirs), {"name": "Eve"}).status_code in (302, 403)
    searched = staff_client.get(_list(model), {"q": str(theirs.pk)})
    assert theirs.pk not in {row.pk for row in searched.context["cl"].result_list}


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_secrets_are_never_shown(model: type[models.Model], signed_admin_client: Client, lead: Lead) -> None:
    row = TABLES[model](lead, 1)
    pages = [signed_admin_client.get(_list(model)).content.decode()]
    if model is not UserSession:
        pages.append(signed_admin_client.get(_page(row)).content.decode())

    for page in pages:
        for secret in ("access-token-of-a-test", "refresh-token-of-a-test", "-secret", f"digest-{lead.pk}"):
            assert secret not in page
        if isinstance(row, Invitation):
            assert row.token_digest not in page
        if isinstance(row, APIKey):
            assert row.hashed_key not in page.replace(row.pk, "")


@pytest.mark.parametrize(
    "model", [Event, WebhookDelivery, LeadScore, Lead, LeadMerge, Alert], ids=lambda model: model.__name__
)
def test_what_the_product_writes_is_read_only(
    model: type[models.Model], signed_admin_client: Client, lead: Lead
) -> None:
    row = TABLES[model](lead, 1)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert isinstance(admin.site.get_model_admin(model), RecordAdmin)

    assert signed_admin_client.get(reverse(f"{name}_add")).status_code == 403
    assert signed_admin_client.post(_page(row), {}).status_code == 403
    assert (
        signed_admin_client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    )
    signed_admin_client.post(
        _list(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    )

    assert model._default_manager.filter(pk=row.pk).exists()


def test_a_list_is_narrowed_to_a_tenant(signed_admin_client: Client, lead: Lead, other_lead: Lead) -> None:
    cases: list[tuple[Any, set[int]]] = [(lead.tenant_id, {lead.pk}), ("x", {lead.pk, other_lead.pk})]
    for value, expected in cases:
        response = signed_admin_client.get(_list(Lead), {"tenant": value})
        assert {row.pk for row in response.context["cl"].result_list} == expected


def test_staff_choose_among_their_tenants_only(
    staff_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    page = staff_client.get(_list(Lead)).content.decode()

    assert f"?tenant={tenant.pk}" in page
    assert f"?tenant={other_tenant.pk}" not in page


@pytest.mark.parametrize(
    ("model", "term"),
    [
        (Lead, "Zephyrine"),
        (Lead, "zephyrine@exam"),
        (Identity, "zephyrine@example.net"),
        (User, "zephyrine@"),
        (Membership, "zephyrine@example.net"),
        (Tenant, "Zephy"),
    ],
)
def test_rows_are_found(model: type[models.Model], term: str, signed_admin_client: Client) -> None:
    tenant = factories.TenantFactory(name="Zephyrine Homes")
    lead = factories.LeadFactory(tenant=tenant, first_name="Zephyrine", email="zephyrine@example.net")
    identity = factories.IdentityFactory(lead=lead, value="zephyrine@example.net")
    member = factories.MembershipFactory(tenant=tenant, user__email="zephyrine@example.net")
    factories.IdentityFactory(lead=factories.LeadFactory())
    rows: dict[type[models.Model], Any] = {
        Lead: lead,
        type(identity): identity,
        User: member.user,
        Membership: member,
        Tenant: tenant,
    }

    response = signed_admin_client.get(_list(model), {"q": term})

    assert list(response.context["cl"].result_list) == [rows[model]]


def test_any_search_is_answered(signed_admin_client: Client) -> None:
    for model in TABLES:
        for term in ("nothing like this", "99999999999999999999", "7", "'; --", "\0"):
            assert signed_admin_client.get(_list(model), {"q": term}).status_code == 200, (model, term)


# What is changed


def test_staff_change_a_membership_within_their_tenant(
    staff_client: Client, agent: User, tenant: Tenant
) -> None:
    member = agent.memberships.get()
    body = {
        "user": agent.pk,
        "tenant": tenant.pk,
        "role": "broker",
        "is_active": "on",
        "ghl_user_id": "",
        "lead": "",
    }

    staff_client.post(_page(member), body)

    member.refresh_from_db()
    assert member.role == "broker"


def test_staff_cannot_reach_beyond_their_tenant(
    staff_client: Client,
    staff: User,
    agent: User,
    tenant: Tenant,
    other_tenant: Tenant,
    other_agent: User,
    other_lead: Lead,
) -> None:
    member = agent.memberships.get()
    base = {
        "user": agent.pk,
        "tenant": tenant.pk,
        "role": "buyer",
        "is_active": "on",
        "ghl_user_id": "",
        "lead": "",
    }
    for wrong in ({"tenant": other_tenant.pk}, {"user": other_agent.pk}, {"lead": other_lead.pk}):
        response = staff_client.post(_page(member), {**base, **wrong})
        assert response.status_code == 200  # the form again, with its errors
        assert response.context["adminform"].form.errors

    member.refresh_from_db()
    assert (member.tenant, member.user, member.role, member.lead) == (tenant, agent, "agent", None)


def test_staff_cannot_make_themselves_more(staff_client: Client, staff: User) -> None:
    assert staff_client.post(_page(staff), {"is_superuser": "on"}).status_code == 403
    assert "is_superuser" not in staff_client.get(_page(staff)).content.decode()
    assert staff_client.get(reverse("admin:leads_user_add")).status_code == 403
    assert staff_client.get(reverse("admin:leads_tenant_add")).status_code == 403
    assert staff_client.get(f"/admin/leads/user/{staff.pk}/password/").status_code == 403

    staff.refresh_from_db()
    assert not staff.is_superuser


def test_staff_see_users_of_their_tenants_without_other_places(
    staff_client: Client, agent: User, other_tenant: Tenant
) -> None:
    factories.MembershipFactory(user=agent, tenant=other_tenant)

    page = staff_client.get(_page(agent)).content.decode()

    assert agent.email in page
    assert other_tenant.name not in page


def test_a_superuser_makes_a_user(signed_admin_client: Client) -> None:
    response = signed_admin_client.post(
        reverse("admin:leads_user_add"),
        {
            "email": "New@Example.com",
            "name": "Noor",
            "usable_password": "true",
            "password1": "staple horse battery",
            "password2": "staple horse battery",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )

    user = User.objects.get(email="new@example.com")
    assert response["Location"] == _page(user)
    assert user.check_password("staple horse battery")


def test_a_superuser_does_not_make_a_user_twice(signed_admin_client: Client, agent: User) -> None:
    response = signed_admin_client.post(
        reverse("admin:leads_user_add"), {"email": agent.email.upper(), "usable_password": "false"}
    )

    assert "Somebody has this e-mail address already." in response.content.decode()


def _act(browser: Client, model: type[models.Model], action: str, row: models.Model) -> None:
    browser.post(_list(model), {"action": action, "_selected_action": row.pk})


def test_invitations_are_withdrawn_and_keys_revoked(staff_client: Client, lead: Lead) -> None:
    invitation, key = (TABLES[model](lead, 9) for model in (Invitation, APIKey))

    _act(staff_client, Invitation, "withdraw", invitation)
    _act(staff_client, APIKey, "revoke", key)

    invitation.refresh_from_db()
    key.refresh_from_db()
    assert (invitation.revoked_at is not None, key.revoked) == (True, True)


def test_a_superuser_signs_users_out(
    signed_admin_client: Client, staff_client: Client, agent: User, agent_client: Client
) -> None:
    _act(staff_client, User, "sign_out", agent)
    assert UserSession.objects.filter(user=agent).exists()  # a superuser's to do

    _act(signed_admin_client, User, "sign_out", agent)

    assert not UserSession.objects.filter(user=agent).exists()
    assert agent_client.get("/account/").status_code == 302


def test_staff_do_not_act_on_another_tenants_rows(staff_client: Client, other_lead: Lead) -> None:
    invitation, key = TABLES[Invitation](other_lead, 1), TABLES[APIKey](other_lead, 1)

    _act(staff_client, Invitation, "withdraw", invitation)
    _act(staff_client, APIKey, "revoke", key)

    invitation.refresh_from_db()
    key.refresh_from_db()
    assert (invitation.revoked_at, key.revoked) == (None, False)


# Large tables


def test_counting_stops_at_ten_thousand() -> None:
    paginator = BoundedPaginator(EventKey.objects.order_by("pk"), 50)

    with CaptureQueriesContext(connection) as captured:
        assert paginator.count == 0

    assert f"LIMIT {MOST_ROWS}" in captured[0]["sql"]
    assert "ORDER BY" not in captured[0]["sql"]


def test_no_list_counts_a_table_through(signed_admin_client: Client) -> None:
    for model in TABLES:
        with CaptureQueriesContext(connection) as captured:
            signed_admin_client.get(_list(model))

        counts = [query["sql"] for query in captured if "COUNT(*)" in query["sql"]]
        assert counts
        assert all(f"LIMIT {MOST_ROWS}" in sql for sql in counts), counts
        assert not any("LIKE" in query["sql"] or "DISTINCT" in query["sql"] for query in captured), model


def test_the_admin_wears_our_colours_under_the_strict_policy(signed_admin_client: Client) -> None:
    response = signed_admin_client.get("/admin/")

    page = response.content.decode()
    assert "css/admin.css" in page
    assert "Hearthline admin" in page
    assert "<style" not in page
    assert "onclick=" not in page
    assert "unsafe" not in response["Content-Security-Policy"]
