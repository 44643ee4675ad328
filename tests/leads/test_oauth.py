from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.db import connection as database
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from leads.errors import DomainError
from leads.ghl import errors, oauth
from leads.models import GHLConnection, Tenant
from leads.services import ghl
from tests.conftest import Freeze
from tests.factories import GHLConnectionFactory, TenantFactory
from tests.ghl_api import COMPANY, LOCATION, StubGHL, ok, refused, sent_form, sent_json, stand_in

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
APP = oauth.App("app1-abc", "s3cret", "https://leads.example.com/integrations/ghl/callback/")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> StubGHL:
    return stand_in(monkeypatch, settings)


@pytest.fixture
def here(db: None) -> Tenant:
    return TenantFactory(location_id=LOCATION)


def test_the_consent_page_is_asked_for_every_scope_and_gets_the_state() -> None:
    url = urlsplit(
        oauth.authorize_url("https://marketplace.gohighlevel.com/v2/oauth/chooselocation", APP, state="st")
    )

    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.path == "/v2/oauth/chooselocation"
    assert query["client_id"] == "app1-abc"
    assert query["redirect_uri"] == APP.redirect_uri
    assert query["response_type"] == "code"
    assert query["state"] == "st"
    assert query["scope"].split() == list(oauth.SCOPES)
    assert "conversations.write" not in oauth.SCOPES


def test_a_code_becomes_a_grant() -> None:
    stub = StubGHL()
    stub.on("POST", "/oauth/token", ok("token_location"))

    grant = oauth.exchange_code(stub.http, APP, "c0de", now=NOW)

    assert sent_form(stub.requests[0]) == {
        "client_id": "app1-abc",
        "client_secret": "s3cret",
        "grant_type": "authorization_code",
        "code": "c0de",
        "user_type": "Location",
        "redirect_uri": APP.redirect_uri,
    }
    assert grant.access_token == "access-2"
    assert grant.refresh_token == "refresh-2"
    assert grant.expires_at == NOW + timedelta(seconds=86_399)
    assert grant.location_id == LOCATION
    assert grant.scopes == ("contacts.readonly", "contacts.write", "conversations.readonly")
    assert "access-2" not in repr(grant)


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_dead_code_or_refresh_token_needs_a_new_connection(status: int) -> None:
    stub = StubGHL()
    stub.on("POST", "/oauth/token", refused(status, "invalid_grant"))

    with pytest.raises(errors.TokenRefused) as raised:
        oauth.refresh(stub.http, APP, "refresh-1", user_type="Location", now=NOW)

    assert raised.value.permanent is True
    assert "refresh-1" not in str(raised.value)


@pytest.mark.parametrize(
    "answer",
    [
        refused(500),
        refused(429),
        httpx.ReadTimeout("slow"),
        httpx.Response(200, text="no"),
        httpx.Response(200, json={"access_token": 5}),
        httpx.Response(200, json={"access_token": "a", "expires_in": "soon"}),
        httpx.Response(200, json={}),
    ],
)
def test_a_refresh_that_fails_for_now_leaves_the_connection_alone(answer: httpx.Response | Exception) -> None:
    stub = StubGHL()
    stub.on("POST", "/oauth/token", answer)

    with pytest.raises(errors.GHLError) as raised:
        oauth.refresh(stub.http, APP, "refresh-1", user_type="Location", now=NOW)

    assert not isinstance(raised.value, errors.TokenRefused)


def test_a_refresh_whose_answer_was_lost_is_asked_once_more() -> None:
    stub = StubGHL()
    stub.on("POST", "/oauth/token", httpx.ReadTimeout("slow"), ok("token_location"))

    assert (
        oauth.refresh(stub.http, APP, "refresh-1", user_type="Location", now=NOW).access_token == "access-2"
    )
    assert len(stub.requests) == 2


def test_connecting_stores_the_tokens_encrypted(api: StubGHL, here: Tenant) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))

    row = ghl.finish_connect(tenant=here, code="c0de")

    row.refresh_from_db()
    assert (row.access_token, row.refresh_token, row.user_type) == ("access-2", "refresh-2", "Location")
    with database.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM leads_ghlconnection WHERE id = %s", [row.pk])
        stored = cursor.fetchone()
    assert "access-2" not in stored[0]
    assert "refresh-2" not in stored[1]
    here.refresh_from_db()
    assert here.company_id == COMPANY
    assert here.installed_at is not None


def test_a_code_for_another_location_connects_nothing(api: StubGHL, tenant: Tenant) -> None:
    api.on("POST", "/oauth/token", ok("token_location"))

    with pytest.raises(DomainError) as raised:
        ghl.finish_connect(tenant=tenant, code="c0de")

    assert raised.value.code == "wrong_location"
    assert GHLConnection.objects.count() == 0


def test_an_agencys_code_is_exchanged_for_the_location(api: StubGHL, here: Tenant) -> None:
    api.on("POST", "/oauth/token", ok("token_company"))
    api.on("POST", "/oauth/locationToken", ok("location_token", 201))

    row = ghl.finish_connect(tenant=here, code="c0de")

    assert (row.user_type, row.access_token, row.refresh_token) == ("Location", "location-access-1", "")
    assert row.company_id == COMPANY
    company = GHLConnection.objects.get(user_type="Company")
    assert (company.tenant_id, company.access_token) == (None, "company-access-1")
    exchange = api.asked("POST", "/oauth/locationToken")[0]
    assert sent_form(exchange) == {"companyId": COMPANY, "locationId": LOCATION}
    assert exchange.headers["authorization"] == "Bearer company-access-1"


def test_another_agencys_code_connects_nothing(api: StubGHL, here: Tenant) -> None:
    Tenant.objects.filter(pk=here.pk).update(company_id="CoOther")
    here.refresh_from_db()
    api.on("POST", "/oauth/token", ok("token_company"))

    with pytest.raises(DomainError) as raised:
        ghl.finish_connect(tenant=here, code="c0de")

    assert raised.value.code == "wrong_company"
    assert GHLConnection.objects.count() == 0


def test_an_installed_location_is_connected_through_its_agency(api: StubGHL) -> None:
    here = TenantFactory(location_id=LOCATION, company_id=COMPANY)
    assert ghl.connect_location(tenant=here) is None
    GHLConnectionFactory(
        tenant=None, company_id=COMPANY, user_type="Company", access_token="company-access-1"
    )
    api.on("POST", "/oauth/locationToken", ok("location_token"))

    row = ghl.connect_location(tenant=here)
    again = ghl.connect_location(tenant=here)

    assert row is not None
    assert row.access_token == "location-access-1"
    assert again == row
    assert len(api.requests) == 1


def test_lost_tokens_come_back_by_a_new_code(api: StubGHL, here: Tenant) -> None:
    api.on("POST", "/oauth/reconnect", ok("reconnect"))
    api.on("POST", "/oauth/token", ok("token_location"))

    row = ghl.reconnect_location(tenant=here)

    assert row.access_token == "access-2"
    assert sent_json(api.requests[0]) == {
        "clientKey": "app1-abc",
        "clientSecret": "s3cret",
        "locationId": LOCATION,
    }
    assert sent_form(api.requests[1])["code"] == "code-from-reconnect"


def test_a_reconnect_without_a_code_is_refused(api: StubGHL, here: Tenant) -> None:
    api.on("POST", "/oauth/reconnect", httpx.Response(200, json={}))

    with pytest.raises(errors.TokenRefused):
        ghl.reconnect_location(tenant=here)


def test_a_token_about_to_end_is_renewed_before_the_call(api: StubGHL, here: Tenant, freeze: Freeze) -> None:
    freeze(NOW)
    row = GHLConnectionFactory(tenant=here, expires_at=NOW + timedelta(minutes=5), refresh_token="refresh-1")
    api.on("POST", "/oauth/token", ok("token_location"))
    api.on("GET", f"/locations/{LOCATION}", ok("location"))

    name = ghl.check_connection(tenant=here)

    assert name == "Alder & Pine Realty"
    assert api.requests[1].headers["authorization"] == "Bearer access-2"
    row.refresh_from_db()
    assert (row.access_token, row.refresh_token) == ("access-2", "refresh-2")
    assert row.refreshed_at == NOW
    assert row.expires_at == NOW + timedelta(seconds=86_399)


def test_renewing_after_somebody_else_did_uses_the_new_token(api: StubGHL, here: Tenant) -> None:
    row = GHLConnectionFactory(tenant=here, access_token="access-new")

    assert ghl.renew_tokens(connection_id=row.pk, refused="access-old") == "access-new"
    assert api.requests == []


def test_a_refused_refresh_is_kept_for_the_page(api: StubGHL, here: Tenant) -> None:
    row = GHLConnectionFactory(tenant=here, access_token="access-1")
    api.on("POST", "/oauth/token", refused(400, "invalid_grant"))

    with pytest.raises(errors.TokenRefused):
        ghl.renew_tokens(connection_id=row.pk, refused="access-1")

    row.refresh_from_db()
    assert row.last_error.startswith("POST /oauth/token: GoHighLevel does not accept")
    assert row.access_token == "access-1"


def test_a_dead_refresh_token_of_a_location_is_replaced_through_the_agency(
    api: StubGHL, here: Tenant
) -> None:
    row = GHLConnectionFactory(tenant=here, company_id=COMPANY, access_token="access-1")
    GHLConnectionFactory(
        tenant=None, company_id=COMPANY, user_type="Company", access_token="company-access-1"
    )
    api.on("POST", "/oauth/token", refused(401, "invalid refresh token"))
    api.on("POST", "/oauth/locationToken", ok("location_token"))

    assert ghl.renew_tokens(connection_id=row.pk, refused="access-1") == "location-access-1"


def test_no_way_to_renew_says_connect_again(api: StubGHL, here: Tenant) -> None:
    row = GHLConnectionFactory(tenant=here, access_token="access-1", refresh_token="")

    with pytest.raises(errors.TokenRefused):
        ghl.renew_tokens(connection_id=row.pk, refused="access-1")


def test_the_scopes_a_location_lacks_are_named() -> None:
    missing = oauth.missing_scopes([scope for scope in oauth.SCOPES if scope != "contacts.write"])

    assert missing == ("contacts.write",)
    assert oauth.missing_scopes([s for s in oauth.SCOPES if not s.startswith("oauth.")]) == ()


def test_disconnecting_forgets_the_tokens(here: Tenant) -> None:
    GHLConnectionFactory(tenant=here)

    assert ghl.disconnect(tenant=here) is True
    assert ghl.disconnect(tenant=here) is False
    with pytest.raises(errors.NotConnected):
        ghl.client_for(here)


@pytest.mark.django_db(transaction=True)
def test_ten_callers_with_one_dead_token_refresh_once(api: StubGHL) -> None:
    row = GHLConnectionFactory(
        tenant=TenantFactory(location_id=LOCATION), access_token="access-1", refresh_token="refresh-1"
    )
    api.on("POST", "/oauth/token", ok("token_location"))
    start = threading.Barrier(10)
    tokens: list[str] = []

    def call() -> None:
        start.wait()
        try:
            tokens.append(ghl.renew_tokens(connection_id=row.pk, refused="access-1"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tokens == ["access-2"] * 10
    assert len(api.requests) == 1
    assert timezone.now() < GHLConnection.objects.get().expires_at
