from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from pytest_django.fixtures import DjangoAssertNumQueries

from leads.ghl import oauth
from leads.ml.catalogue import QUESTIONS
from leads.models import (
    CustomField,
    GHLConnection,
    Membership,
    Role,
    Tenant,
    User,
    WebhookDelivery,
    WorkflowSecret,
)
from leads.services.ghl.mapping import ANSWERS
from leads.services.webhooks import digest_secret
from tests.conftest import Freeze, SignIn
from tests.factories import CustomFieldFactory, GHLConnectionFactory
from tests.ghl_api import LOCATION, StubGHL, ok, refused, stand_in

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAGE = "leads:settings-ghl"
POSTS = [
    "leads:ghl-test",
    "leads:ghl-reconnect",
    "leads:ghl-disconnect",
    "leads:workflow-secret-rotate",
    "leads:ghl-fields",
    "leads:ghl-fields-read",
    "leads:backfill-start",
    "leads:backfill-stop",
]
GETS = [PAGE, "leads:ghl-connect", "leads:ghl-callback", "leads:backfill"]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    return stand_in(monkeypatch, settings)


@pytest.fixture
def here(tenant: Tenant) -> Tenant:
    Tenant.objects.filter(pk=tenant.pk).update(location_id=LOCATION)
    tenant.refresh_from_db()
    return tenant


def told(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("route", [*GETS, *POSTS])
def test_only_the_broker_and_admins_come_in(
    route: str, client: Client, agent_client: Client, buyer_client: Client
) -> None:
    ask = "post" if route in POSTS else "get"

    stranger = getattr(client, ask)(reverse(route))
    agent = getattr(agent_client, ask)(reverse(route))
    buyer = getattr(buyer_client, ask)(reverse(route))

    assert stranger.status_code == 302
    assert stranger["Location"].startswith(reverse("leads:login"))
    assert agent.status_code == 403
    assert buyer.status_code == 403


@pytest.mark.parametrize("route", POSTS)
def test_what_changes_something_is_not_done_by_a_link(route: str, broker_client: Client) -> None:
    assert broker_client.get(reverse(route)).status_code == 405


def test_the_page_without_a_connection_says_what_to_do(broker_client: Client) -> None:
    response = broker_client.get(reverse(PAGE))

    assert response.status_code == 200
    html = response.content.decode()
    assert "Not connected" in html
    assert "GHL_CLIENT_ID" in html
    assert "No secret yet: workflow webhooks are refused." in html
    assert "http://127.0.0.1:8000/webhooks/ghl/workflow/" in html


def test_the_page_shows_state_scopes_calls_and_the_last_error(
    api: StubGHL, broker_client: Client, tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    scopes = [scope for scope in oauth.SCOPES if scope != "contacts.write"]
    GHLConnectionFactory(
        tenant=tenant,
        scopes=scopes,
        daily_remaining=50_000,
        last_error="GET /locations/{location}: not found.",
        last_error_at=timezone.now(),
    )
    CustomFieldFactory(tenant=tenant, name="What is your budget?", answers="budget")
    CustomFieldFactory(tenant=tenant, name="Hearthline score", key="hearthline_score")

    response = broker_client.get(reverse(PAGE))

    html = response.content.decode()
    assert "Needs attention" in html
    assert "GET /locations/{location}: not found." in html
    assert "1 permission missing" in html
    assert "<code>contacts.write</code>" in html
    assert "50,000 of 200,000" in html
    assert "What is your budget?" in html
    assert "Hearthline score" not in html
    assert "access-token-of-a-test" not in html
    with django_assert_num_queries(PAGE_QUERIES):
        broker_client.get(reverse(PAGE))


PAGE_QUERIES = 9


def test_connecting_sends_the_broker_away_with_a_state(api: StubGHL, broker_client: Client) -> None:
    response = broker_client.get(reverse("leads:ghl-connect"))

    assert response.status_code == 302
    url = urlsplit(response["Location"])
    assert (url.scheme, url.netloc) == ("https", "marketplace.gohighlevel.com")
    state = parse_qs(url.query)["state"][0]
    assert broker_client.session["ghl_state"]["state"] == state


def test_connecting_without_an_app_says_so(broker_client: Client, settings: Settings) -> None:
    settings.GHL_CLIENT_ID = ""

    response = broker_client.get(reverse("leads:ghl-connect"), follow=True)

    assert "Set GHL_CLIENT_ID and GHL_CLIENT_SECRET first" in response.content.decode()


def _begin(browser: Client) -> str:
    response = browser.get(reverse("leads:ghl-connect"))
    return parse_qs(urlsplit(response["Location"]).query)["state"][0]


def test_coming_back_connects_and_learns_fields_and_team(
    api: StubGHL,
    broker_client: Client,
    broker: User,
    here: Tenant,
    django_capture_on_commit_callbacks: object,
) -> None:
    User.objects.filter(pk=broker.pk).update(email="avery@example.com")
    api.on("POST", "/oauth/token", ok("token_location"))
    api.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    api.on("GET", "/users/", ok("users"))
    state = _begin(broker_client)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        response = broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de", "state": state})

    assert response.status_code == 302
    assert told(response) == ["Connected. Hearthline reads this location's fields and team now."]
    assert GHLConnection.objects.get(tenant=here).access_token == "access-2"
    answers = dict(CustomField.objects.filter(tenant=here).values_list("key", "answers"))
    assert answers == {
        "what_is_your_budget": "budget",
        "bedrooms_wanted": "property",
        "how_will_you_pay": "financing",
    }
    assert Membership.objects.get(user=broker, role=Role.BROKER).ghl_user_id == "UsR3kLm8PqZ1vXc5Tn20"


@pytest.mark.parametrize("wrong", ["other", ""])
def test_a_state_this_browser_did_not_get_connects_nothing(
    api: StubGHL, broker_client: Client, here: Tenant, wrong: str
) -> None:
    _begin(broker_client)

    response = broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de", "state": wrong})

    assert told(response)[0].startswith("This answer of GoHighLevel was not asked for here")
    assert api.requests == []


def test_a_state_works_once(api: StubGHL, broker_client: Client, here: Tenant) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))
    state = _begin(broker_client)
    broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de", "state": state})

    broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de2", "state": state})

    assert len(api.asked("POST", "/oauth/token")) == 1


def test_a_state_too_old_or_of_another_tenant_connects_nothing(
    api: StubGHL, broker_client: Client, here: Tenant, freeze: Freeze
) -> None:
    clock = freeze(NOW)
    state = _begin(broker_client)
    clock.shift(timedelta(minutes=16))

    broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de", "state": state})

    assert api.requests == []

    state = _begin(broker_client)
    session = broker_client.session
    session["ghl_state"] = {**session["ghl_state"], "tenant": here.pk + 1}
    session.save()
    broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de", "state": state})

    assert api.requests == []


def test_a_refusal_on_the_consent_page_is_said(api: StubGHL, broker_client: Client) -> None:
    state = _begin(broker_client)

    response = broker_client.get(reverse("leads:ghl-callback"), {"state": state, "error": "access_denied"})

    assert told(response) == ["GoHighLevel sent no code: the connection was not allowed there."]


def test_choosing_another_location_is_said(api: StubGHL, broker_client: Client, tenant: Tenant) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))
    state = _begin(broker_client)

    response = broker_client.get(reverse("leads:ghl-callback"), {"code": "c0de", "state": state})

    assert told(response)[0].startswith(f"You chose location {LOCATION}, but this brokerage is location")
    assert GHLConnection.objects.count() == 0


def test_the_test_button_calls_and_clears_the_error(
    api: StubGHL, broker_client: Client, here: Tenant
) -> None:
    GHLConnectionFactory(tenant=here, last_error="old trouble")
    api.on("GET", f"/locations/{LOCATION}", ok("location"))

    response = broker_client.post(reverse("leads:ghl-test"))

    assert told(response) == ["GoHighLevel answers: this location is “Alder & Pine Realty”."]
    assert GHLConnection.objects.get().last_error == ""


def test_the_test_button_keeps_what_went_wrong(api: StubGHL, broker_client: Client, here: Tenant) -> None:
    GHLConnectionFactory(tenant=here)
    api.on("GET", f"/locations/{LOCATION}", refused(401, "The token is not authorized for this scope."))

    response = broker_client.post(reverse("leads:ghl-test"))

    said = (
        "GET /locations/{location}: the connection lacks the scope locations.readonly. "
        "Add it to the app, then connect again."
    )
    assert told(response) == [said]
    assert GHLConnection.objects.get().last_error == said
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "route", ["leads:ghl-test", "leads:ghl-fields-read", "leads:backfill-start", "leads:backfill-stop"]
)
def test_without_a_connection_the_buttons_say_so(route: str, broker_client: Client) -> None:
    response = broker_client.post(reverse(route))

    assert told(response) == [
        "This tenant is not connected to GoHighLevel. Connect it on the integrations page."
    ]


def test_renewing_lost_tokens(api: StubGHL, broker_client: Client, here: Tenant) -> None:
    api.on("POST", "/oauth/reconnect", ok("reconnect"), refused(401))
    api.on("POST", "/oauth/token", ok("token_location"))

    assert told(broker_client.post(reverse("leads:ghl-reconnect"))) == ["Connected again."]
    assert GHLConnection.objects.get(tenant=here).access_token == "access-2"
    refusal = broker_client.post(reverse("leads:ghl-reconnect"))
    assert told(refusal)[-1].startswith("POST /oauth/reconnect: GoHighLevel does not accept")


def test_disconnecting_says_what_stays(broker_client: Client, tenant: Tenant) -> None:
    GHLConnectionFactory(tenant=tenant)

    response = broker_client.post(reverse("leads:ghl-disconnect"))

    assert told(response) == ["Disconnected. Webhooks still come until the app is removed in GoHighLevel."]
    assert GHLConnection.objects.count() == 0
    assert told(broker_client.post(reverse("leads:ghl-disconnect")))[1:] == []


def test_a_secret_is_shown_once_opens_the_door_and_leaves_two_valid(
    broker_client: Client, tenant: Tenant, client: Client
) -> None:
    first = broker_client.post(reverse("leads:workflow-secret-rotate"))
    second = broker_client.post(reverse("leads:workflow-secret-rotate"))

    secret = str(second.context["secret"])
    assert secret in second.content.decode()
    assert second["Cache-Control"] == "no-store"
    assert secret not in broker_client.get(reverse(PAGE)).content.decode()
    assert WorkflowSecret.objects.get(digest=digest_secret(secret)).tenant == tenant
    valid = WorkflowSecret.objects.filter(tenant=tenant)
    assert [row.expires_at is None for row in valid] == [True, False]
    for value in (str(first.context["secret"]), secret):
        answer = client.post(
            reverse("leads:workflow-webhook"),
            {"event": "form.submitted", "contact_id": "ct1", "key": value[:5]},
            content_type="application/json",
            headers={"Authorization": f"Bearer {value}"},
        )
        assert answer.status_code == 200
    assert WebhookDelivery.objects.filter(tenant=tenant).count() == 2


def test_fields_are_mapped_to_questions(broker_client: Client, tenant: Tenant, other_tenant: Tenant) -> None:
    field = CustomFieldFactory(tenant=tenant)
    foreign = CustomFieldFactory(tenant=other_tenant)

    response = broker_client.post(
        reverse("leads:ghl-fields"), {f"field-{field.pk}": "timeline", f"field-{foreign.pk}": "timeline"}
    )

    assert told(response) == ["Saved: 1 changed."]
    field.refresh_from_db()
    foreign.refresh_from_db()
    assert (field.answers, foreign.answers) == ("timeline", "")


def test_an_answer_that_is_no_question_changes_nothing(broker_client: Client, tenant: Tenant) -> None:
    field = CustomFieldFactory(tenant=tenant, answers="budget")

    response = broker_client.post(reverse("leads:ghl-fields"), {f"field-{field.pk}": "shoe size"})

    assert told(response) == ["One of the answers is not a qualification question."]
    field.refresh_from_db()
    assert field.answers == "budget"


def test_the_questions_are_those_the_score_knows() -> None:
    assert set(ANSWERS) == set(QUESTIONS)


def test_reading_the_fields_again_keeps_what_was_mapped(
    api: StubGHL, broker_client: Client, here: Tenant
) -> None:
    GHLConnectionFactory(tenant=here)
    api.on("GET", f"/locations/{LOCATION}/customFields", ok("custom_fields"))
    CustomFieldFactory(tenant=here, ghl_id="CfBudget00000000001", key="budget", answers="location")

    response = broker_client.post(reverse("leads:ghl-fields-read"))

    assert told(response) == ["3 custom fields read."]
    row = CustomField.objects.get(ghl_id="CfBudget00000000001")
    assert (row.key, row.answers, row.name) == ("budget", "location", "What is your budget?")
    assert CustomField.objects.get(ghl_id="CfPay0000000000003").options == ["Cash", "Loan"]


def test_the_progress_is_a_fragment_for_the_page_and_a_link_for_a_browser(
    broker_client: Client, tenant: Tenant
) -> None:
    cursor = {
        "state": "running",
        "phase": "opportunities",
        "counts": {"contacts": 412, "opportunities": 50},
        "totals": {"opportunities": 100},
        "started_at": NOW.isoformat(),
    }
    GHLConnectionFactory(tenant=tenant, backfill_cursor=cursor)

    fragment = broker_client.get(reverse("leads:backfill"), headers={"HX-Request": "true"})
    page = broker_client.get(reverse("leads:backfill"))

    html = fragment.content.decode()
    assert 'hx-trigger="every 3s"' in html
    assert "412" in html
    assert 'width="50%"' in html
    assert "<html" not in html
    assert page.status_code == 302


def test_one_broker_sees_nothing_of_another(
    api: StubGHL, broker_client: Client, other_tenant: Tenant, sign_in: SignIn
) -> None:
    GHLConnectionFactory(tenant=other_tenant, last_error="trouble of the other tenant")
    CustomFieldFactory(tenant=other_tenant, name="A field of the other tenant")

    html = broker_client.get(reverse(PAGE)).content.decode()

    assert "trouble of the other tenant" not in html
    assert "A field of the other tenant" not in html
    assert "Not connected" in html
