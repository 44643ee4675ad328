"""The cast, the clock and the servers every test may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import redis
import time_machine
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.test.utils import setup_databases
from pytest_django import DjangoDbBlocker

from leads.models import Lead, Membership, Role, Tenant, User
from leads.store import past_states
from scoring.services import serving
from tests import servers
from tests.factories import LeadFactory, MembershipFactory, TenantFactory, UserFactory

SignIn = Callable[[User], Client]
Freeze = Callable[[datetime], time_machine.Traveller]


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make this run's database, and drop it whatever still holds it."""
    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False)
        yield
        connections.close_all()
        servers.ensure().drop_database()


@pytest.fixture(autouse=True)
def _clear_cache() -> None:
    """Let no test see what another cached in this process."""
    cache.clear()
    serving.forget()
    past_states.clear()


@pytest.fixture
def redis_client() -> Iterator[redis.Redis]:
    """Give a client of this run's Redis, emptied before the test."""
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def freeze() -> Iterator[Freeze]:
    """Give a function that stops the clock at a moment; `.shift()` on what it returns moves it."""
    travels: list[time_machine.travel] = []

    def stop_at(moment: datetime) -> time_machine.Traveller:
        travel = time_machine.travel(moment, tick=False)
        travels.append(travel)
        return travel.start()

    yield stop_at
    while travels:
        travels.pop().stop()


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory(name="Hearth Realty")


@pytest.fixture
def other_tenant(db: None) -> Tenant:
    return TenantFactory(name="Other Realty")


def _member(tenant: Tenant, role: Role, name: str, lead: Lead | None = None) -> User:
    user: User = UserFactory(name=name)
    MembershipFactory(user=user, tenant=tenant, role=role, lead=lead)
    return user


@pytest.fixture
def agent(tenant: Tenant) -> User:
    return _member(tenant, Role.AGENT, "Avery Agent")


@pytest.fixture
def other_agent(other_tenant: Tenant) -> User:
    """An agent of another tenant, who must see nothing of ours."""
    return _member(other_tenant, Role.AGENT, "Oakley Other")


@pytest.fixture
def broker(tenant: Tenant) -> User:
    return _member(tenant, Role.BROKER, "Blake Broker")


@pytest.fixture
def admin(tenant: Tenant) -> User:
    """An administrator of the tenant, who may also use the Django admin."""
    user = _member(tenant, Role.ADMIN, "Addison Admin")
    user.is_staff = user.is_superuser = True
    user.save(update_fields=["is_staff", "is_superuser"])
    return user


@pytest.fixture
def buyer(tenant: Tenant) -> User:
    return _member(tenant, Role.BUYER, "Bailey Buyer", LeadFactory(tenant=tenant))


@pytest.fixture
def seller(tenant: Tenant) -> User:
    return _member(tenant, Role.SELLER, "Sasha Seller", LeadFactory(tenant=tenant))


@pytest.fixture
def lead(tenant: Tenant) -> Lead:
    return LeadFactory(tenant=tenant)


@pytest.fixture
def other_lead(other_tenant: Tenant) -> Lead:
    return LeadFactory(tenant=other_tenant)


@pytest.fixture
def sign_in() -> SignIn:
    """Give a function that returns a browser signed in as a user, in their first membership."""

    def signed_in(user: User) -> Client:
        browser = Client()
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        membership = Membership.objects.filter(user=user).order_by("pk").first()
        if membership is not None:
            session = browser.session
            session["membership"] = membership.pk
            session.save()
        return browser

    return signed_in


@pytest.fixture
def agent_client(agent: User, sign_in: SignIn) -> Client:
    return sign_in(agent)


@pytest.fixture
def other_agent_client(other_agent: User, sign_in: SignIn) -> Client:
    return sign_in(other_agent)


@pytest.fixture
def broker_client(broker: User, sign_in: SignIn) -> Client:
    return sign_in(broker)


@pytest.fixture
def signed_admin_client(admin: User, sign_in: SignIn) -> Client:
    """A browser of the tenant's admin (pytest-django's own `admin_client` has no membership)."""
    return sign_in(admin)


@pytest.fixture
def buyer_client(buyer: User, sign_in: SignIn) -> Client:
    return sign_in(buyer)


@pytest.fixture
def seller_client(seller: User, sign_in: SignIn) -> Client:
    return sign_in(seller)
