"""Search, system, style guide, error pages and the frame of every page."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from pytest_django import DjangoAssertNumQueries

from leads import context
from leads.models import Lead, Tenant, User
from leads.ops import health
from leads.ops.health import Check, Status
from leads.urls import portal
from leads.views.errors import server_error
from tests.conftest import SignIn
from tests.factories import AlertFactory, LeadFactory, WebhookDeliveryFactory

HTMX = {"HX-Request": "true"}


# Search


def test_search_finds_people_and_pages(agent_client: Client, tenant: Tenant, other_tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant, first_name="Sysa", score=50, tier="steady")
    LeadFactory(tenant=other_tenant, first_name="Sysb")

    page = agent_client.get("/search/", {"q": "sys"}).content.decode()

    assert f'href="/agent/leads/{lead.pk}/"' in page
    assert 'href="/agent/system/">' in page
    assert "Sysb" not in page


@pytest.mark.parametrize("verb", ["edit", "merge", "Edit"])
def test_a_verb_before_a_name_leads_to_the_page_that_does_it(
    agent_client: Client, tenant: Tenant, other_tenant: Tenant, verb: str
) -> None:
    lead = LeadFactory(tenant=tenant, first_name="Maya", last_name="Okafor")
    LeadFactory(tenant=other_tenant, first_name="Maya", last_name="Other")

    options = agent_client.get("/search/", {"q": f"{verb} may"}, headers=HTMX).content.decode()
    page = agent_client.get("/search/", {"q": f"{verb} may"}).content.decode()
    alone = agent_client.get("/search/", {"q": verb}, headers=HTMX).content.decode()

    for shown in (options, page):
        assert f'href="/agent/leads/{lead.pk}/{verb.lower()}/"' in shown
        assert f"{verb.capitalize()} Maya Okafor" in shown
        assert "Maya Other" not in shown
    assert "Maya" not in alone


def test_search_shows_the_best_first_and_the_unscored_last(agent_client: Client, tenant: Tenant) -> None:
    low, none, high = (LeadFactory(tenant=tenant, last_name="Okafor", score=s) for s in (10.0, None, 90.0))

    found = agent_client.get("/search/", {"q": "okafor"}).context["leads"]

    assert found == [high, low, none]


def test_search_says_when_nothing_matches(agent_client: Client) -> None:
    assert "Nothing matches “zzz”" in agent_client.get("/search/", {"q": "zzz"}).content.decode()
    assert "Find a person or a page" in agent_client.get("/search/").content.decode()


def test_palette_gets_options(agent_client: Client, agent: User, lead: Lead) -> None:
    options = agent_client.get("/search/", {"q": lead.first_name}, headers=HTMX).content.decode()
    start = agent_client.get("/search/", headers=HTMX).content.decode()

    assert "<html" not in options
    assert options.count('role="option"') == 2  # the lead, and all results
    assert start.count('role="option"') == len(context.palette_for(agent, "agent"))


@pytest.mark.parametrize("q", ["<script>alert(1)</script>", "x" * 500, "\x00", "%"])
def test_search_takes_any_text(agent_client: Client, q: str) -> None:
    response = agent_client.get("/search/", {"q": q})

    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


# System


def test_system_tells_what_is_down_and_since_when(
    agent_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = {
        "database": (lambda: Check(Status.OK, {"ms": 1.25}), True),
        "workers": (lambda: Check(Status.DOWN, {"realtime": 0}, "No realtime worker runs."), True),
        "odd_part": (
            lambda: Check(
                Status.DEGRADED,
                {"lag_seconds": 3, "groups": {"leads": {"lag": 4, "oldest_seconds": 2}}, "on": True},
            ),
            False,
        ),
    }
    monkeypatch.setattr(health._book, "checks", checks)
    health.forget()

    page = agent_client.get("/agent/system/").content.decode()

    health.forget()
    assert "Something is down" in page
    assert re.search(r"No realtime worker runs\. Since \d\d:\d\d UTC", page)
    assert "1.2 ms" in page
    assert "Odd part" in page
    assert "3 s" in page
    assert "lag 4 · oldest 2 s" in page
    assert ">yes<" in page


def test_system_counts_deliveries_and_gaps_of_the_tenant_only(
    agent_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    WebhookDeliveryFactory(tenant=tenant, state="failed")
    WebhookDeliveryFactory(tenant=other_tenant, state="failed")
    missing = [{"field": "phone", "label": "Phone number", "worth": 16}]
    LeadFactory(tenant=tenant, quality=84, quality_missing=missing)
    LeadFactory(tenant=tenant, quality=50, quality_missing=[])

    page = agent_client.get("/agent/system/", headers=HTMX).content.decode()

    assert "<html" not in page
    assert re.search(r"Failed</dt><dd[^>]*>1<", page)
    assert "50% of 2 records reach 80 points" in page
    assert re.search(r"Phone number</dt><dd[^>]*>50%<", page)


def test_system_is_for_the_team(client: Client, buyer_client: Client) -> None:
    assert client.get("/agent/system/").status_code == 302
    assert buyer_client.get("/agent/system/").status_code == 403


# Style guide


def test_styleguide_is_shown_to_staff_and_while_debugging_only(
    client: Client, agent_client: Client, signed_admin_client: Client
) -> None:
    assert client.get("/styleguide/").status_code == 404
    assert agent_client.get("/styleguide/").status_code == 404
    assert "Key figures" in signed_admin_client.get("/styleguide/").content.decode()
    with override_settings(DEBUG=True):
        assert client.get("/styleguide/").status_code == 200


# The frame


def test_navigation_holds_only_pages_that_exist_and_may_be_opened(
    agent_client: Client, broker_client: Client
) -> None:
    for_agent = agent_client.get("/search/").content.decode()
    for_broker = broker_client.get("/search/").content.decode()

    assert 'href="/agent/leads/"' in for_agent
    assert 'href="/agent/settings/integrations/"' not in for_agent
    assert 'href="/agent/settings/integrations/"' in for_broker
    for page in context.existing_pages():
        assert broker_client.get(page.url).status_code == 200, page.url


def test_navigation_leaves_out_a_page_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    later = context.NavItem("leads:not-yet", "Later", "clock", "Work")
    monkeypatch.setattr(context, "NAVIGATION", [later])
    context.existing_pages.cache_clear()

    pages = context.existing_pages()

    context.existing_pages.cache_clear()
    assert pages == ()


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/agent/", "leads:dashboard"),
        ("/agent/leads/7/", "leads:lead-detail"),
        ("/agent/leads/", "leads:lead-list"),
        ("/agent/unknown/", ""),
    ],
)
def test_current_page_is_the_one_the_address_lies_in(path: str, route: str) -> None:
    expected = "leads:lead-list" if route == "leads:lead-detail" else route

    assert context.current_page(context.pages_for("admin"), path) == expected


def test_simulated_tenant_says_so_on_every_page(agent_client: Client, tenant: Tenant) -> None:
    assert "Simulated data" not in agent_client.get("/agent/").content.decode()

    tenant.is_simulated = True
    tenant.save(update_fields=["is_simulated"])

    for page in context.pages_for("agent"):
        assert "Simulated data" in agent_client.get(page.url).content.decode(), page.url


def test_theme_and_shortcuts_are_written_by_the_server(agent_client: Client, agent: User) -> None:
    agent_client.cookies["theme"] = "dark"
    agent.shortcuts_enabled = False
    agent.save(update_fields=["shortcuts_enabled"])

    page = agent_client.get("/agent/").content.decode()

    assert 'data-theme="dark"' in page
    assert 'data-shortcuts="off"' in page


def test_unknown_theme_is_the_systems(agent_client: Client) -> None:
    agent_client.cookies["theme"] = '"><script>'

    page = agent_client.get("/agent/").content.decode()

    assert "data-theme=" not in page.split(">", 2)[1]
    assert '"><script>' not in page


def test_frame_counts_alerts_and_pages_hold_no_inline_script_or_style(
    agent_client: Client, lead: Lead
) -> None:
    AlertFactory(lead=lead)

    page = agent_client.get("/agent/").content.decode()

    assert 'aria-label="Alerts, 1 open"' in page
    assert not re.search(r"<script(?![^>]*(src=|application/json))|\sstyle=|\son\w+=", page)
    assert page.count("<h1") == 1


def test_strangers_frame_asks_nothing(
    rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()

    with django_assert_num_queries(0):
        assert set(context.shell(request)) == {"theme", "debug"}


def test_frame_of_a_buyer_has_no_team_navigation(buyer: User, sign_in: SignIn) -> None:
    page = sign_in(buyer).get("/account/").content.decode()

    assert "Command centre" not in page
    assert "<hl-live" not in page


# Error pages


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("The cellar is flooded")


class BrokenUrls:
    urlpatterns = [path("broken/", broken), *portal.urlpatterns]
    handler500 = "leads.views.errors.server_error"


@override_settings(ROOT_URLCONF=BrokenUrls)
def test_failure_shows_its_id_and_nothing_of_itself() -> None:
    client = Client(raise_request_exception=False)

    response = client.get("/broken/", headers={"X-Correlation-ID": "0f8fad5b-d9cb-469f-a165-70867728950e"})

    page = response.content.decode()
    assert response.status_code == 500
    assert "0f8fad5b-d9cb-469f-a165-70867728950e" in page
    assert "cellar" not in page


def test_failure_page_needs_no_database(rf: RequestFactory) -> None:
    assert server_error(rf.get("/")).status_code == 500


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [("/nowhere/", 404, "There is nothing here"), ("/agent/leads/999999/", 404, "There is nothing here")],
)
def test_missing_pages_say_so(agent_client: Client, url: str, status: int, words: str) -> None:
    response = agent_client.get(url)

    assert response.status_code == status
    assert words in response.content.decode()


def test_refusal_says_whom_the_page_is_for(buyer_client: Client) -> None:
    response = buyer_client.get("/agent/")

    assert response.status_code == 403
    assert "This page is for the agents of a brokerage." in response.content.decode()


def test_quality_is_counted_once_a_minute(agent_client: Client, tenant: Tenant) -> None:
    agent_client.get("/agent/system/")
    LeadFactory(tenant=tenant)

    kept = agent_client.get("/agent/system/").content.decode()
    cache.clear()
    fresh = agent_client.get("/agent/system/").content.decode()

    assert "No lead yet." in kept
    assert "of 1 records" in fresh
