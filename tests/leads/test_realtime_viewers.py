from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from leads.authentication import issue_tokens
from leads.models import Membership, Role, Tenant, User, UserSession
from leads.realtime import viewers
from leads.realtime.consumers import BadMessage, read_message, read_subscription
from leads.realtime.groups import TOPICS
from leads.realtime.messages import Shown, Wants
from leads.selectors import live
from tests.factories import MembershipFactory


def headers(origin: str | None, host: str = "hearth.example") -> list[tuple[bytes, bytes]]:
    told = [(b"host", host.encode())]
    return told if origin is None else [*told, (b"origin", origin.encode())]


# Origins


@pytest.fixture(autouse=True)
def _hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["hearth.example", "127.0.0.1"]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://hearth.example", "hearth.example"),
        ("HTTP://Hearth.Example", "hearth.example"),
        ("https://hearth.example", "hearth.example"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
    ],
)
def test_a_page_of_ours_may_open_a_socket(origin: str, host: str) -> None:
    assert viewers.is_own_origin(headers(origin, host)) is True


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "hearth.example"),
        ("null", "hearth.example"),
        ("", "hearth.example"),
        ("http://evil.example", "hearth.example"),
        ("http://hearth.example.evil.example", "hearth.example"),
        ("http://hearth.example:81", "hearth.example"),
        ("http://evil.example", "evil.example"),
        ("file://hearth.example", "hearth.example"),
    ],
)
def test_no_other_page_may(origin: str | None, host: str) -> None:
    assert viewers.is_own_origin(headers(origin, host)) is False


def test_an_insecure_page_may_not_when_ours_are_secure(settings: Any) -> None:
    settings.IS_HTTPS = True

    assert viewers.is_own_origin(headers("http://hearth.example")) is False
    assert viewers.is_own_origin(headers("https://hearth.example")) is True


def test_trusted_origins_may(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.partner.example", "https://one.example"]

    assert viewers.is_own_origin(headers("https://app.partner.example")) is True
    assert viewers.is_own_origin(headers("https://one.example")) is True
    assert viewers.is_own_origin(headers("http://one.example")) is False
    assert viewers.is_own_origin(headers("https://two.one.example")) is False


# Sessions and tokens


def test_a_session_acts_in_the_membership_picked_there(
    agent: User, agent_client: Client, other_tenant: Tenant
) -> None:
    second = MembershipFactory(user=agent, tenant=other_tenant, role=Role.BROKER)
    session = agent_client.session
    session["membership"] = second.pk
    session.save()

    viewer = viewers.viewer_of_session(str(session.session_key))

    assert viewer is not None
    assert (viewer.tenant_id, viewer.role, viewer.user_id) == (other_tenant.pk, "broker", agent.pk)
    assert viewer.audiences == {"team", f"user:{agent.pk}"}


@pytest.mark.django_db
def test_a_session_nobody_has_is_a_strangers() -> None:
    assert viewers.viewer_of_session("x" * 32) is None


def test_a_user_without_a_membership_may_not_read(agent: User, agent_client: Client) -> None:
    Membership.objects.update(is_active=False)

    assert viewers.viewer_of_session(str(agent_client.session.session_key)) is None


def test_a_token_stands_for_its_membership(agent: User, freeze: Callable[[datetime], Any]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    clock = freeze(now)
    membership = Membership.objects.get(user=agent)
    raw = str(issue_tokens(membership).access_token)

    viewer = viewers.viewer_of_token(raw)

    assert viewer is not None
    assert (viewer.membership_id, viewer.session_key) == (membership.pk, "")
    assert viewer.expires_at == now + timedelta(minutes=30)
    clock.shift(timedelta(minutes=31))
    assert viewers.viewer_of_token(raw) is None
    assert viewers.viewer_of_token("nonsense") is None


def test_a_token_of_an_ended_membership_is_no_good(agent: User) -> None:
    raw = str(issue_tokens(Membership.objects.get(user=agent)).access_token)
    Membership.objects.update(is_active=False)

    assert viewers.viewer_of_token(raw) is None


END_OF_ACCESS: dict[str, Callable[[User, Tenant], Any]] = {
    "membership": lambda user, tenant: Membership.objects.filter(user=user).update(is_active=False),
    "role": lambda user, tenant: Membership.objects.filter(user=user).update(role="buyer"),
    "user": lambda user, tenant: User.objects.filter(pk=user.pk).update(is_active=False),
    "tenant": lambda user, tenant: Tenant.objects.filter(pk=tenant.pk).update(is_active=False),
    "session": lambda user, tenant: UserSession.objects.filter(user=user).delete(),
    "expiry": lambda user, tenant: UserSession.objects.update(expire_date=datetime(2020, 1, 1, tzinfo=UTC)),
    "password": lambda user, tenant: User.objects.filter(pk=user.pk).update(password="changed"),
}


@pytest.mark.parametrize("ended", END_OF_ACCESS)
def test_a_viewer_is_valid_until_access_ends(
    agent: User, agent_client: Client, tenant: Tenant, ended: str
) -> None:
    viewer = viewers.viewer_of_session(str(agent_client.session.session_key))
    assert viewer is not None
    assert live.still_valid([viewer]) == {viewer}

    END_OF_ACCESS[ended](agent, tenant)

    assert live.still_valid([viewer]) == set()


def test_validity_of_all_is_asked_in_two_queries(
    agent_client: Client, broker_client: Client, django_assert_num_queries: Any
) -> None:
    held = [viewers.viewer_of_session(str(c.session.session_key)) for c in (agent_client, broker_client)]

    with django_assert_num_queries(2):
        assert len(live.still_valid([viewer for viewer in held if viewer])) == 2


# What clients send


@pytest.mark.parametrize(
    "text",
    [
        None,
        "not json",
        "[]",
        '{"type":"shout"}',
        '{"topics":[]}',
        '{"type":"pong","pad":"' + "x" * 9_000 + '"}',
    ],
)
def test_a_message_nobody_understands_is_refused(text: str | None) -> None:
    with pytest.raises(BadMessage):
        read_message(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": "scores"},
        {"topics": ["gossip"]},
        {"topics": [1]},
        {"after": "7"},
        {"after": -1},
        {"after": True},
        {"after": 1.5},
        {"after": 2**63},
    ],
)
def test_a_wrong_subscription_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        read_subscription({"type": "subscribe", **wrong})


@pytest.mark.parametrize(
    "wrong",
    [{"targets": "lead-1"}, {"targets": [1]}, {"from": "85"}, {"targets": [f"lead-{n}" for n in range(301)]}],
)
def test_a_page_that_shows_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        read_subscription({"type": "subscribe", "html": wrong})


def test_what_a_page_shows_is_read() -> None:
    wants, _ = read_subscription({"html": {"targets": ["lead-1", "alert-2"], "from": 70.5}})

    assert (wants.html, wants.shown) == (True, Shown(frozenset({"lead-1", "alert-2"}), 70.5))


def test_a_subscription_is_read() -> None:
    assert read_subscription({"type": "subscribe"}) == (Wants(TOPICS), None)
    assert read_subscription({"topics": ["alerts"], "after": 7, "batch": True, "html": True}) == (
        Wants(frozenset({"alerts"}), html=True, batch=True),
        7,
    )
    assert read_message('{"type":"pong"}') == {"type": "pong"}
