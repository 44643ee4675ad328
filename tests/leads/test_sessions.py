from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leads.models import User, UserSession
from leads.sessions import SessionStore, describe_device
from tests.conftest import Freeze

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            "Edge on macOS",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/131.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.5.0", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_a_device_is_described(user_agent: str, device: str) -> None:
    assert describe_device(user_agent) == device


@pytest.mark.django_db
def test_a_session_knows_its_user_and_keeps_its_beginning(agent: User, freeze: Freeze) -> None:
    clock = freeze(datetime(2026, 11, 1, 9, tzinfo=UTC))
    store = SessionStore()
    store["_auth_user_id"], store["device"] = str(agent.pk), "Firefox on Windows"
    store.save()
    row = UserSession.objects.get()
    assert (row.user, row.device, row.created_at) == (agent, "Firefox on Windows", timezone.now())

    clock.shift(timedelta(days=1))
    again = SessionStore(store.session_key)
    again["more"] = 1
    again.save()

    row.refresh_from_db()
    assert row.created_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert again.decode(row.session_data)["more"] == 1


@pytest.mark.django_db(transaction=True)
async def test_sessions_work_without_a_thread(agent: User) -> None:
    store = SessionStore()
    await store.aset("_auth_user_id", str(agent.pk))
    await store.asave()

    row = await UserSession.objects.aget()
    again = SessionStore(row.session_key)
    assert await again.aget("_auth_user_id") == str(agent.pk)
    assert (row.user_id, again.started_at) == (agent.pk, row.created_at)
    assert await SessionStore("0" * 32).aget("_auth_user_id") is None


@pytest.mark.django_db
def test_use_is_noted_once_in_five_minutes(
    agent: User, freeze: Freeze, django_assert_num_queries: Any
) -> None:
    clock = freeze(datetime(2026, 11, 1, 9, tzinfo=UTC))
    store = SessionStore()
    store["_auth_user_id"] = str(agent.pk)
    store.save()
    store = SessionStore(store.session_key)
    store.load()

    with django_assert_num_queries(0):
        clock.shift(timedelta(minutes=4))
        store.touch(timezone.now())
    with django_assert_num_queries(1):
        clock.shift(timedelta(minutes=1))
        store.touch(timezone.now())
        store.touch(timezone.now())
    assert UserSession.objects.get().seen_at == datetime(2026, 11, 1, 9, 5, tzinfo=UTC)


@pytest.mark.django_db
def test_no_address_is_kept() -> None:
    names = {field.name for field in UserSession._meta.get_fields()}

    assert names == {"session_key", "session_data", "expire_date", "user", "device", "created_at", "seen_at"}


@pytest.mark.django_db
def test_an_ended_session_is_a_stranger(agent: User, agent_client: Client) -> None:
    UserSession.objects.filter(user=agent).delete()

    assert "_auth_user_id" not in agent_client.session
