from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from leads.models import APIKey, Identity, Invitation, Lead, Membership, Role, Tenant, User, UserSession
from leads.services import team
from tests.conftest import Freeze, SignIn
from tests.factories import IdentityFactory, InvitationFactory, LeadFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NEW = "staple horse battery"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"


def _sign_in(browser: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return browser.post(
        "/accounts/login/", {"username": email, "password": password, **more}, headers={"User-Agent": FIREFOX}
    )


def _is_signed_in(browser: Client) -> bool:
    return browser.get("/account/").status_code == 200


# Landing


def test_a_stranger_reads_what_it_is(client: Client) -> None:
    response = client.get("/")

    assert response.status_code == 200
    for words in ("Agents and brokers", "Buyers", "Sellers", 'href="/accounts/login/"'):
        assert words in response.content.decode()


def test_the_team_is_sent_to_its_portal(agent_client: Client) -> None:
    assert agent_client.get("/")["Location"] == "/agent/"


@pytest.mark.parametrize(
    ("role", "words"), [(Role.BUYER, "has not shared homes"), (Role.SELLER, "your sale")]
)
def test_clients_are_told_what_they_will_find(
    role: Role, words: str, tenant: Tenant, sign_in: SignIn
) -> None:
    page = sign_in(MembershipFactory(tenant=tenant, role=role).user).get("/").content.decode()

    assert words in page
    assert tenant.name in page
    assert "/buy/" not in page
    assert "/sell/" not in page


def test_someone_without_a_place_is_told_whom_to_ask(sign_in: SignIn) -> None:
    assert "Ask your broker" in sign_in(UserFactory()).get("/").content.decode()


# Signing in and out


def test_sign_in_by_email_whatever_its_case(client: Client, agent: User) -> None:
    response = _sign_in(client, agent.email.upper())

    assert response["Location"] == "/"
    session = UserSession.objects.get()
    assert (session.user, session.device) == (agent, "Firefox on Windows")


def test_sign_in_goes_on_where_it_was_asked(client: Client, agent: User) -> None:
    assert (
        _sign_in(client, agent.email, next="/agent/leads/?tier=hot")["Location"] == "/agent/leads/?tier=hot"
    )


def test_sign_in_never_leads_elsewhere(client: Client, agent: User) -> None:
    assert _sign_in(client, agent.email, next="https://evil.example/")["Location"] == "/"


def test_a_superuser_without_a_tenant_goes_to_the_admin(client: Client) -> None:
    user = UserFactory(is_staff=True, is_superuser=True)

    assert _sign_in(client, user.email)["Location"] == "/admin/"


def test_a_wrong_password_says_neither_which_was_wrong(client: Client, agent: User) -> None:
    for email in (agent.email, "nobody@example.com"):
        response = _sign_in(client, email, "wrong")

        assert response.context["form"].errors == {
            "__all__": ["This e-mail and password match no account. Check both, or reset the password."]
        }
    assert not UserSession.objects.exists()


def test_a_closed_account_cannot_sign_in(client: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(is_active=False)

    _sign_in(client, agent.email)

    assert not _is_signed_in(client)


def test_five_failures_lock_and_time_unlocks(client: Client, agent: User, freeze: Freeze) -> None:
    clock = freeze(datetime(2026, 11, 1, 9, tzinfo=UTC))
    for email in [agent.email, agent.email.upper(), *[agent.email] * 3]:
        response = _sign_in(client, email, "wrong")
    assert response.status_code == 429

    response = _sign_in(client, agent.email)
    assert response.status_code == 429
    assert response["Retry-After"] == "900"
    assert "Try again in 15 minutes" in response.content.decode()
    assert not _is_signed_in(client)

    clock.shift(timedelta(minutes=15, seconds=1))
    _sign_in(client, agent.email)
    assert _is_signed_in(client)


def test_a_lock_of_one_person_does_not_lock_another(client: Client, agent: User, broker: User) -> None:
    for _ in range(5):
        _sign_in(client, agent.email, "wrong")

    _sign_in(client, broker.email)

    assert _is_signed_in(client)


def test_sign_out_needs_a_post(agent_client: Client) -> None:
    assert agent_client.get("/accounts/logout/").status_code == 405
    assert _is_signed_in(agent_client)

    assert agent_client.post("/accounts/logout/")["Location"] == "/"
    assert not _is_signed_in(agent_client)


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/logout/", "/accounts/password-reset/", "/account/theme/"]
)
def test_posts_need_the_csrf_token(path: str, agent: User) -> None:
    browser = Client(enforce_csrf_checks=True)

    assert browser.post(path, {"username": agent.email, "password": PASSWORD}).status_code == 403


# Password reset


def _reset_link(email: str, browser: Client) -> str:
    assert browser.post("/accounts/password-reset/", {"email": email}).status_code == 302
    found = re.search(r"http://127\.0\.0\.1:8000(/accounts/password-reset/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def test_a_password_is_reset_by_mail(client: Client, agent: User, agent_client: Client) -> None:
    link = _reset_link(agent.email.upper(), client)
    assert mail.outbox[0].to == [agent.email]
    page = client.get(link)
    assert link not in page["Location"]  # the token is no longer in the address
    page = client.post(page["Location"], {"password": NEW})

    assert page["Location"] == "/accounts/login/"
    assert not _is_signed_in(agent_client)
    _sign_in(client, agent.email, NEW)
    assert _is_signed_in(client)


def test_a_reset_link_works_once_and_an_hour(client: Client, agent: User, freeze: Freeze) -> None:
    clock = freeze(datetime(2026, 11, 1, 9, tzinfo=UTC))
    link = _reset_link(agent.email, client)
    clock.shift(timedelta(minutes=61))
    assert client.get(link).status_code == 410
    link = _reset_link(agent.email, client)
    client.post(client.get(link)["Location"], {"password": NEW})

    assert client.get(link).status_code == 410


@pytest.mark.parametrize("link", ["x/y", "MQ/set", "!!/set", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5/set"])
def test_a_made_up_reset_link_is_refused(client: Client, agent: User, link: str) -> None:
    response = client.get(f"/accounts/password-reset/{link}/")

    assert response.status_code == 410
    assert "Ask for a new one" in response.content.decode()


def test_a_weak_password_is_refused(client: Client, agent: User) -> None:
    place = client.get(_reset_link(agent.email, client))["Location"]

    response = client.post(place, {"password": "password12"})

    assert response.status_code == 422
    assert "too common" in response.content.decode()
    assert User.objects.get(pk=agent.pk).check_password(PASSWORD)


def test_a_reset_never_tells_who_has_an_account(client: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(is_active=False)
    for email in ("nobody@example.com", agent.email):
        response = client.post("/accounts/password-reset/", {"email": email})
        assert response["Location"] == "/accounts/password-reset/sent/"

    assert mail.outbox == []
    assert "If that address has an account" in client.get("/accounts/password-reset/sent/").content.decode()


# Invitations


def _invite(browser: Client, email: str = "new@example.com", role: str = "agent") -> str:
    response = browser.post("/agent/settings/team/", {"email": email, "role": role})
    assert response.status_code == 200, response.content
    found = re.search(r"http://127\.0\.0\.1:8000(/accounts/invite/[\w-]+/)", response.content.decode())
    assert found
    return found[1]


@pytest.mark.parametrize("role", list(Role))
def test_a_broker_invites_for_any_role(
    role: Role, broker_client: Client, tenant: Tenant, client: Client
) -> None:
    link = _invite(broker_client, "New@Example.com", role)
    assert mail.outbox[0].to == ["new@example.com"]
    assert link in str(mail.outbox[0].body)
    assert tenant.name in client.get(link).content.decode()

    response = client.post(link, {"name": "Noor New", "password": NEW})

    assert response["Location"] == "/"
    member = Membership.objects.get(user__email="new@example.com")
    assert (member.tenant, member.role, member.user.name) == (tenant, role, "Noor New")
    assert _is_signed_in(client)


def test_the_token_of_an_invitation_is_not_kept(broker_client: Client) -> None:
    token = _invite(broker_client).split("/")[-2]

    invitation = Invitation.objects.get()
    assert token not in str(vars(invitation))
    assert invitation.token_digest == team.digest(token)


def test_an_invitation_works_once(broker_client: Client, client: Client) -> None:
    link = _invite(broker_client)
    client.post(link, {"name": "Noor New", "password": NEW})

    response = Client().get(link)

    assert response.status_code == 410
    assert Client().post(link, {"name": "Eve", "password": NEW}).status_code == 410
    assert User.objects.filter(email="new@example.com").count() == 1


def test_an_invitation_expires(broker_client: Client, client: Client) -> None:
    link = _invite(broker_client)
    Invitation.objects.update(expires_at=timezone.now())

    assert client.get(link).status_code == 410
    assert client.post(link, {"name": "Late", "password": NEW}).status_code == 410
    assert not User.objects.filter(email="new@example.com").exists()


def test_an_invitation_is_withdrawn(broker_client: Client, client: Client) -> None:
    link = _invite(broker_client)

    broker_client.post(f"/agent/settings/team/invitations/{Invitation.objects.get().pk}/revoke/")

    assert client.get(link).status_code == 410


def test_an_invitation_sent_again_replaces_its_link(broker_client: Client, client: Client) -> None:
    old = _invite(broker_client)
    Invitation.objects.update(expires_at=timezone.now())

    response = broker_client.post(f"/agent/settings/team/invitations/{Invitation.objects.get().pk}/renew/")

    new = re.search(r"http://127\.0\.0\.1:8000(/accounts/invite/[\w-]+/)", response.content.decode())
    assert new
    assert client.get(old).status_code == 410
    assert client.get(new[1]).status_code == 200
    assert len(mail.outbox) == 2


def test_inviting_again_withdraws_the_former_invitation(broker_client: Client, client: Client) -> None:
    old = _invite(broker_client)
    new = _invite(broker_client)

    assert client.get(old).status_code == 410
    assert client.get(new).status_code == 200


def test_an_invitation_that_is_closed_is_not_sent_again(broker_client: Client, tenant: Tenant) -> None:
    closed = InvitationFactory(tenant=tenant, accepted_at=timezone.now())

    response = broker_client.post(f"/agent/settings/team/invitations/{closed.pk}/renew/", follow=True)

    assert "no longer open" in response.content.decode()
    assert mail.outbox == []


def test_who_has_an_account_signs_in_and_accepts(
    broker_client: Client, client: Client, other_agent: User
) -> None:
    link = _invite(broker_client, other_agent.email, "broker")
    page = client.get(link).content.decode()
    assert f"/accounts/login/?next={link}" in page
    assert client.post(link, {"name": "Thief", "password": NEW}).status_code == 200
    assert other_agent.memberships.count() == 1

    _sign_in(client, other_agent.email)
    response = client.post(link)

    assert response["Location"] == "/"
    assert set(other_agent.memberships.values_list("role", flat=True)) == {"agent", "broker"}
    other_agent.refresh_from_db()
    assert other_agent.check_password(PASSWORD)
    assert client.get("/agent/settings/team/").status_code == 200  # acts as the broker at once


def test_an_ended_membership_is_brought_back_by_an_invitation(
    broker_client: Client, agent: User, sign_in: SignIn
) -> None:
    agent.memberships.update(is_active=False)
    browser = sign_in(agent)

    browser.post(_invite(broker_client, agent.email))

    assert agent.memberships.get().is_active


def test_a_buyer_is_tied_to_their_lead_by_the_invited_address(
    broker_client: Client, client: Client, tenant: Tenant
) -> None:
    lead = LeadFactory(tenant=tenant)
    IdentityFactory(lead=lead, kind=Identity.Kind.EMAIL, value="buyer@example.net")
    IdentityFactory(lead=LeadFactory(), kind=Identity.Kind.EMAIL, value="buyer@example.net")

    client.post(_invite(broker_client, "buyer@example.net", "buyer"), {"name": "Bo", "password": NEW})

    assert Membership.objects.get(user__email="buyer@example.net").lead == lead


def test_an_invitation_for_a_merged_lead_goes_to_its_survivor(
    tenant: Tenant, broker: User, lead: Lead
) -> None:
    merged = LeadFactory(tenant=tenant, status=Lead.Status.MERGED, merged_into=lead)
    _, token = team.invite(tenant=tenant, email="b@example.net", role=Role.BUYER, by=broker, lead=merged)

    assert team.accept_invitation(token=token, name="Bo", password=NEW).lead == lead


def test_nobody_is_invited_to_what_they_are(broker_client: Client, agent: User) -> None:
    response = broker_client.post("/agent/settings/team/", {"email": agent.email, "role": "agent"})

    assert response.status_code == 422
    assert "This person already is an agent here." in response.content.decode()
    assert not Invitation.objects.exists()


def test_a_weak_password_does_not_join(broker_client: Client, client: Client) -> None:
    response = client.post(_invite(broker_client), {"name": "Noor", "password": "short"})

    assert response.status_code == 422
    assert "at least 10 characters" in response.content.decode()
    assert not User.objects.filter(email="new@example.com").exists()


def test_the_link_is_shown_when_mail_is_down(
    broker_client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    response = broker_client.post("/agent/settings/team/", {"email": "new@example.com", "role": "agent"})

    assert "did not take the invitation" in response.content.decode()
    assert "/accounts/invite/" in response.content.decode()


# Team


def test_the_team_page_shows_people_and_open_invitations(
    broker_client: Client, agent: User, buyer: User, tenant: Tenant, other_agent: User
) -> None:
    LeadFactory(tenant=tenant, assigned_to=agent)
    InvitationFactory(tenant=tenant, email="open@example.com")
    InvitationFactory(tenant=tenant, email="used@example.com", accepted_at=timezone.now())
    InvitationFactory(email="elsewhere@example.com")

    page = broker_client.get("/agent/settings/team/").content.decode()

    for shown in (agent.email, buyer.email, "open@example.com", "1 lead"):
        assert shown in page
    for hidden in ("used@example.com", "elsewhere@example.com", other_agent.email):
        assert hidden not in page


TEAM_POSTS = [
    "/agent/settings/team/{member}/role/",
    "/agent/settings/team/{member}/deactivate/",
    "/agent/settings/team/{member}/reactivate/",
    "/agent/settings/team/invitations/{invitation}/renew/",
    "/agent/settings/team/invitations/{invitation}/revoke/",
]


@pytest.mark.parametrize("path", ["/agent/settings/team/", *TEAM_POSTS])
def test_the_team_is_the_brokers_to_run(
    path: str, agent: User, agent_client: Client, buyer_client: Client, tenant: Tenant
) -> None:
    invitation = InvitationFactory(tenant=tenant)
    member = MembershipFactory(tenant=tenant)
    address = path.format(member=member.pk, invitation=invitation.pk)
    body = {"email": "eve@example.com", "role": "admin"}

    assert Client().post(address, body)["Location"].startswith("/accounts/login/")
    assert agent_client.post(address, body).status_code == 403
    assert buyer_client.post(address, body).status_code == 403

    member.refresh_from_db()
    invitation.refresh_from_db()
    assert (member.role, member.is_active, invitation.revoked_at) == ("agent", True, None)
    assert mail.outbox == []


@pytest.mark.parametrize("path", TEAM_POSTS)
def test_another_tenants_team_does_not_exist(path: str, broker_client: Client, other_agent: User) -> None:
    invitation = InvitationFactory(tenant=other_agent.memberships.get().tenant)
    address = path.format(member=other_agent.memberships.get().pk, invitation=invitation.pk)

    assert broker_client.post(address, {"role": "admin"}).status_code == 404
    assert other_agent.memberships.get().role == "agent"


def test_a_role_is_changed(broker_client: Client, agent: User) -> None:
    member = agent.memberships.get()

    broker_client.post(f"/agent/settings/team/{member.pk}/role/", {"role": "broker"})

    member.refresh_from_db()
    assert member.role == "broker"


@pytest.mark.parametrize("role", ["buyer", "king", ""])
def test_a_member_of_the_team_keeps_a_role_of_the_team(role: str, broker_client: Client, agent: User) -> None:
    broker_client.post(f"/agent/settings/team/{agent.memberships.get().pk}/role/", {"role": role})

    assert agent.memberships.get().role == "agent"


def test_nobody_changes_or_ends_themselves(broker_client: Client, broker: User) -> None:
    member = broker.memberships.get()
    for path in ("role", "deactivate"):
        page = broker_client.post(f"/agent/settings/team/{member.pk}/{path}/", {"role": "agent"}, follow=True)
        assert "Ask another broker" in page.content.decode()

    member.refresh_from_db()
    assert (member.role, member.is_active) == ("broker", True)


def test_the_last_broker_stays(tenant: Tenant, broker: User) -> None:
    superuser = UserFactory(is_superuser=True)
    with pytest.raises(Exception, match="last broker or admin"):
        team.deactivate_member(membership=broker.memberships.get(), by=superuser)
    with pytest.raises(Exception, match="last broker or admin"):
        team.change_role(membership=broker.memberships.get(), role=Role.AGENT, by=superuser)

    MembershipFactory(tenant=tenant, role=Role.ADMIN)
    assert not team.deactivate_member(membership=broker.memberships.get(), by=superuser).is_active


def test_a_deactivated_member_is_out_at_once_and_back_when_asked(
    broker_client: Client, agent: User, agent_client: Client
) -> None:
    member = agent.memberships.get()
    key, _ = APIKey.objects.create_key(name="k", membership=member)

    broker_client.post(f"/agent/settings/team/{member.pk}/deactivate/")

    key.refresh_from_db()
    assert key.revoked
    assert agent_client.get("/account/keys/").status_code == 403
    broker_client.post(f"/agent/settings/team/{member.pk}/reactivate/")
    assert agent_client.get("/account/keys/").status_code == 200


# One's own account


@pytest.mark.parametrize(
    "path",
    ["/account/", "/account/security/", "/account/keyboard/", "/account/appearance/", "/account/keys/"],
)
def test_a_strangers_account_page_is_the_way_in(path: str, client: Client) -> None:
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize(
    "path", ["/account/", "/account/security/", "/account/keyboard/", "/account/appearance/"]
)
def test_account_pages_open_for_everyone(path: str, agent_client: Client, buyer_client: Client) -> None:
    assert agent_client.get(path).status_code == 200
    assert buyer_client.get(path).status_code == 200


def test_a_name_is_changed(agent_client: Client, agent: User) -> None:
    agent_client.post("/account/", {"name": "  Avery B. Agent "})
    assert agent_client.post("/account/", {"name": ""}).status_code == 422

    agent.refresh_from_db()
    assert agent.name == "Avery B. Agent"


def test_shortcuts_are_switched(agent_client: Client, agent: User) -> None:
    agent_client.post("/account/keyboard/", {"enabled": "off"})
    agent.refresh_from_db()
    assert not agent.shortcuts_enabled

    agent_client.post("/account/keyboard/", {"enabled": "on"})
    agent.refresh_from_db()
    assert agent.shortcuts_enabled


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_the_theme_is_kept_in_a_cookie(theme: str, client: Client) -> None:
    response = client.post("/account/theme/", {"theme": theme, "next": "/accounts/login/"})

    assert response["Location"] == "/accounts/login/"
    assert response.cookies["theme"].value == theme


def test_a_theme_there_is_not_is_left_and_leads_nowhere_else(client: Client) -> None:
    response = client.post("/account/theme/", {"theme": "<b>", "next": "https://evil.example/"})

    assert (response["Location"], "theme" in response.cookies) == ("/", False)


def test_a_password_is_changed_and_other_browsers_end(
    agent: User, agent_client: Client, sign_in: SignIn
) -> None:
    other = sign_in(agent)

    response = agent_client.post("/account/security/", {"current": PASSWORD, "password": NEW})

    assert response.status_code == 302
    assert _is_signed_in(agent_client)
    assert not _is_signed_in(other)
    assert User.objects.get(pk=agent.pk).check_password(NEW)


@pytest.mark.parametrize(
    ("current", "password", "words"),
    [("wrong", NEW, "not your current password"), (PASSWORD, "1234567890", "too common")],
)
def test_a_password_is_not_changed(
    current: str, password: str, words: str, agent: User, agent_client: Client
) -> None:
    response = agent_client.post("/account/security/", {"current": current, "password": password})

    assert response.status_code == 422
    assert words in response.content.decode()
    assert User.objects.get(pk=agent.pk).check_password(PASSWORD)


def test_sessions_are_listed_without_their_keys(agent: User, client: Client) -> None:
    _sign_in(client, agent.email)

    page = client.get("/account/security/").content.decode()

    assert "Firefox on Windows" in page
    assert "This browser" in page
    assert UserSession.objects.get().session_key not in page


def test_one_session_is_ended(agent: User, agent_client: Client, sign_in: SignIn) -> None:
    other = sign_in(agent)
    page = agent_client.get("/account/security/").content.decode()
    (address,) = re.findall(r"/account/security/sessions/[0-9a-f]{16}/end/", page)

    agent_client.post(address)

    assert _is_signed_in(agent_client)
    assert not _is_signed_in(other)


def test_all_other_sessions_are_ended(
    agent: User, agent_client: Client, sign_in: SignIn, broker_client: Client
) -> None:
    others = [sign_in(agent), sign_in(agent)]

    agent_client.post("/account/security/sessions/end-others/")

    assert _is_signed_in(agent_client)
    assert not any(_is_signed_in(browser) for browser in others)
    assert _is_signed_in(broker_client)


def test_anothers_session_cannot_be_ended(agent: User, agent_client: Client, broker_client: Client) -> None:
    page = agent_client.get("/account/security/")
    (ref,) = [session.ref for session in page.context["sessions"]]

    assert broker_client.post(f"/account/security/sessions/{ref}/end/").status_code == 404
    assert _is_signed_in(agent_client)


# Keys


def test_a_key_is_shown_once(agent_client: Client, agent: User) -> None:
    page = agent_client.post("/account/keys/", {"name": "Website", "days": "90"}).content.decode()

    key = APIKey.objects.get()
    shown = re.search(rf"{key.prefix}\.\w{{32}}", page)
    assert shown
    assert shown[0] not in agent_client.get("/account/keys/").content.decode()
    assert key.membership == agent.memberships.get()
    assert key.expiry_date is not None
    assert timedelta(days=89) < key.expiry_date - timezone.now() <= timedelta(days=90)


def test_a_key_may_live_until_revoked(agent_client: Client) -> None:
    agent_client.post("/account/keys/", {"name": "Website", "days": "0"})

    assert APIKey.objects.get().expiry_date is None


def test_a_key_is_revoked(agent_client: Client, agent: User) -> None:
    key, _ = APIKey.objects.create_key(name="Website", membership=agent.memberships.get())

    agent_client.post(f"/account/keys/{key.prefix}/revoke/")

    key.refresh_from_db()
    assert key.revoked
    agent_client.get("/account/keys/")  # shows the word that it is done
    assert "Website" not in agent_client.get("/account/keys/").content.decode()


def test_anothers_key_cannot_be_revoked(agent: User, broker_client: Client) -> None:
    key, _ = APIKey.objects.create_key(name="Website", membership=agent.memberships.get())

    assert broker_client.post(f"/account/keys/{key.prefix}/revoke/").status_code == 404
    key.refresh_from_db()
    assert not key.revoked


def test_a_buyer_has_no_keys(buyer_client: Client) -> None:
    assert buyer_client.post("/account/keys/", {"name": "x", "days": "0"}).status_code == 403
    assert not APIKey.objects.exists()


def test_keys_are_bounded(agent_client: Client, agent: User) -> None:
    for n in range(20):
        APIKey.objects.create_key(name=f"key {n}", membership=agent.memberships.get())

    response = agent_client.post("/account/keys/", {"name": "one more", "days": "0"})

    assert response.status_code == 422
    assert "You have 20 keys already" in response.content.decode()
    assert APIKey.objects.count() == 20


# Cost


@pytest.mark.parametrize(
    ("route", "queries"),
    [("leads:team", 8), ("leads:account", 6), ("leads:account-security", 6), ("leads:account-keys", 6)],
)
def test_a_page_costs_the_same_however_many_rows(
    route: str,
    queries: int,
    broker: User,
    broker_client: Client,
    tenant: Tenant,
    sign_in: SignIn,
    django_assert_num_queries: Any,
) -> None:
    for n in range(10):
        member = MembershipFactory(tenant=tenant, role=Role.BUYER if n % 2 else Role.AGENT)
        LeadFactory(tenant=tenant, assigned_to=member.user)
        InvitationFactory(tenant=tenant, invited_by=broker)
        MembershipFactory(user=broker)
        APIKey.objects.create_key(name=f"key {n}", membership=broker.memberships.order_by("pk")[0])
        sign_in(broker)

    with django_assert_num_queries(queries):
        assert broker_client.get(reverse(route)).status_code == 200
