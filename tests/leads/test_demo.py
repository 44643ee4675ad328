from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from leads import demo
from leads.events import BEHAVIOR
from leads.ghl.simulator import make_people
from leads.models import Event, Lead, Membership, Role, Tenant, User, WebhookDelivery
from scoring.tasks import score_events
from tests import ghl


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    """Make the demo small, its key its own, and the door open to it."""
    monkeypatch.setattr(demo, "HARBOR", dataclasses.replace(demo.HARBOR, leads=14, past=0))
    monkeypatch.setattr(demo, "LONESTAR", dataclasses.replace(demo.LONESTAR, leads=2))
    monkeypatch.setattr(demo, "BROKERAGES", (demo.HARBOR, demo.LONESTAR))
    settings.SIMULATOR_KEY_FILE = tmp_path / "simulator.pem"
    settings.DEMO = True
    ghl.open_door(settings)


def work(_seconds: float = 0.0) -> None:
    """Do what the workers would do meanwhile."""
    ghl.work()
    fresh = Event.objects.filter(kind__in=BEHAVIOR).order_by("pk").values_list("pk", flat=True)
    score_events(list(fresh))


@pytest.mark.django_db(transaction=True)
def test_demo_is_posted_through_the_door_scored_and_posted_only_once(
    small: None, live_server: LiveServer
) -> None:
    said: list[str] = []

    demo.seed(say=said.append, url=live_server.url, wait=work)
    first = (WebhookDelivery.objects.count(), Event.objects.count(), Lead.objects.count())
    demo.seed(say=said.append, url="http://127.0.0.1:9", wait=work)

    assert first[0] > 150
    assert first[2] == 16
    assert (WebhookDelivery.objects.count(), Event.objects.count(), Lead.objects.count()) == first
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"processed"}
    assert demo.unscored() == 0
    assert not Lead.objects.filter(scored_at=None).exists()
    assert all(Tenant.objects.values_list("is_simulated", flat=True))
    assert said[-1] == "the demo is simulated: nobody in it exists"
    ages = Event.objects.order_by("occurred_at").values_list("occurred_at", flat=True)
    assert ages.last() - ages.first() > timedelta(days=60)  # type: ignore[operator]


@pytest.mark.django_db(transaction=True)
def test_logins_that_are_told_open_the_demo(small: None, live_server: LiveServer) -> None:
    demo.seed(say=lambda line: None, url=live_server.url, wait=work)
    out = StringIO()

    call_command("seed_demo", "--logins", stdout=out)

    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["agent", "buyer", "seller"]
    for line in lines[:3]:
        role, email, _, password = line.split()
        user = User.objects.get(email=email)
        assert user.check_password(password)
        membership = Membership.objects.get(user=user, role=role)
        assert membership.tenant.location_id == demo.HARBOR.location_id
        assert (membership.lead is not None) == (role in (Role.BUYER, Role.SELLER))
    assert "simulated" in lines[3]


def test_tenant_is_made_once_with_its_team_and_fields(small: None, db: None) -> None:
    tenant, again = demo.make_tenant(brokerage=demo.HARBOR), demo.make_tenant(brokerage=demo.HARBOR)

    assert tenant == again
    roles = Counter(Membership.objects.filter(tenant=tenant).values_list("role", flat=True))
    assert roles == {"agent": 3, "broker": 1, "admin": 1}
    assert set(tenant.custom_fields.values_list("answers", flat=True)) == {
        "budget",
        "timeline",
        "location",
        "financing",
        "property",
    }
    assert demo.people_of(demo.HARBOR, tenant) == demo.people_of(demo.HARBOR, again)


def test_demo_says_how_it_ended_when_the_workers_are_gone(
    small: None, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = demo.make_tenant(brokerage=demo.HARBOR)
    WebhookDelivery.objects.create(webhook_id="w", tenant=tenant, body="{}")
    monkeypatch.setattr(demo, "PATIENCE", timedelta(0))

    with pytest.raises(TimeoutError, match="1 deliveries and events were not scored in time"):
        demo.await_scores(say=lambda line: None, wait=lambda seconds: None)


def test_seed_demo_tells_in_one_line_that_there_is_no_server(
    small: None, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.ghl.simulator.sender.PATIENCE", 0.0)
    monkeypatch.setattr("leads.ghl.simulator.sender.PAUSE", 0.0)

    with pytest.raises(CommandError, match="The door at http://127.0.0.1:9 did not take a webhook"):
        call_command("seed_demo", url="http://127.0.0.1:9", stdout=StringIO())


# simulate_ghl


def test_simulate_refuses_a_tenant_and_a_rate_that_cannot_be(db: None) -> None:
    with pytest.raises(CommandError, match="No tenant has the location id nowhere"):
        call_command("simulate_ghl", tenant="nowhere", stdout=StringIO())
    with pytest.raises(CommandError, match="run seed_demo, or give --tenant"):
        call_command("simulate_ghl", stdout=StringIO())
    with pytest.raises(CommandError, match="--rate lies between 0 and"):
        call_command("simulate_ghl", rate=0, stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_simulate_posts_at_a_rate_marks_the_tenant_and_tells_figures(
    small: None, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.management.commands.simulate_ghl.DRAIN_SECONDS", 0)
    monkeypatch.setattr(demo, "STRANGERS", 4)
    tenant = Tenant.objects.create(location_id="any-location", name="Any Realty")
    out = StringIO()

    call_command(
        "simulate_ghl", rate=100, seconds=0.2, tenant="any-location", url=live_server.url, stdout=out
    )

    tenant.refresh_from_db()
    told = out.getvalue()
    assert tenant.is_simulated
    assert "Any Realty is marked as simulated from now on" in told
    assert "accepted  20 of 20" in told
    assert "accepted/s" in told
    assert "scored/s" in told
    assert "answer  p50" in told
    assert WebhookDelivery.objects.count() == 24  # four introductions, then the traffic
    people = make_people(
        seed=demo.SEED, location_id="any-location", count=4, now=tenant.created_at, state="WA", agents=("",)
    )
    ghl.work()
    assert Lead.objects.filter(tenant=tenant).count() == len(people)


@pytest.mark.django_db(transaction=True)
def test_simulate_accompanies_a_demo_quietly(small: None, live_server: LiveServer) -> None:
    Tenant.objects.create(location_id="any-location", name="Any Realty", is_simulated=True)
    out = StringIO()

    call_command(
        "simulate_ghl",
        background=True,
        rate=500,
        seconds=0.2,
        tenant="any-location",
        url=live_server.url,
        stdout=out,
    )

    assert WebhookDelivery.objects.count() > demo.STRANGERS
    assert "accepted" not in out.getvalue()
