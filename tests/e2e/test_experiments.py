"""Experiments in a browser: every look with rows in them, and from a plan to its end without script."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from leads.models import ModelVersion, Tenant, User
from scoring import services, tasks
from scoring.models import Experiment
from tests.e2e.conftest import STEP_SECONDS, SignedIn
from tests.e2e.looks import EVERY_LOOK, Violation, look, overflow, violations
from tests.factories import ExperimentFactory, ModelVersionFactory

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/agent/scoring/experiments/"
SOONER = "Hot from sixty, so that a lead who asks twice is called the same day"
MARGIN = "a difference of +9.6 points (95%, valid at every look: +1.2 to +18.0)"


def variant(name: str, known: int, came: int) -> dict[str, Any]:
    """Return what is kept of a variant."""
    rate = came / known
    return {
        **{"name": name, "assigned": known + 12, "known": known, "closed": came},
        **{"rate": rate, "low": rate - 0.05, "high": rate + 0.06},
    }


def reading(stop: str, sentence: str, *, broken: bool = False) -> dict[str, Any]:
    """Return a reading as it is kept."""
    return {
        "stop": stop,
        "sentence": sentence,
        "ratio_chance": 0.62,
        "difference": {"value": 0.096, "low": 0.012, "high": 0.18, "chance": 0.01},
        "variants": [variant("as it is", 412, 45), variant(SOONER, 407, 83)],
        "guards": [
            {"name": "opted out", "broken": False, "sentence": "opted out: no worse by more than 2 points."},
            {"name": "alerts", "broken": broken, "sentence": "alerts: 2.4 more a lead, 2 is the limit."},
        ],
    }


def course(now: datetime, days: int) -> list[dict[str, Any]]:
    """Return how the interval narrowed."""
    return [
        {
            "day": (now - timedelta(days=days - day)).date().isoformat(),
            "value": 0.05 + day / 1_000,
            "low": -0.3 + day / 100,
            "high": 0.4 - day / 150,
        }
        for day in range(days)
    ]


@pytest.fixture
def rows(tenant: Tenant, broker: User) -> list[str]:
    """A plan, one that runs, one that won, one that did harm, and a version in shadow that was graded."""
    now = datetime.now(UTC)
    rates = f"20.4% of 407 leads closed against 10.9% of 412 leads under “as it is”, {MARGIN}"
    begun = {"made_by": broker, "started_at": now - timedelta(days=120), "read_at": now}
    ended = {**begun, "state": "ended", "ended_at": now, "course": course(now, 30)}
    made: list[Experiment] = [
        ExperimentFactory(tenant=tenant, name="Urgency counts more", made_by=broker),
        ExperimentFactory(
            tenant=tenant,
            name="Kept appointments first",
            target="showing",
            state="running",
            reading=reading("keep running", f"Still open: {rates}; 1,809 of the 2,628 leads are to come."),
            course=course(now, 20),
            **begun,
        ),
        ExperimentFactory(
            tenant=tenant,
            name=SOONER,
            reading=reading("stop: won", f"“{SOONER}” won: {rates}."),
            **ended,
        ),
        ExperimentFactory(
            tenant=tenant,
            name="Everybody is hot",
            reading=reading("stop: harm", "“Everybody is hot” does harm: alerts.", broken=True),
            **ended,
        ),
    ]
    services.set_exploration(tenant=tenant, share=0.05, by=broker)
    figure = {"value": 0.81, "low": 0.74, "high": 0.88}
    measures = {"auc": figure, "ece": {"value": 0.021, "low": 0.01, "high": 0.04}}
    told = {
        **{"at": now.isoformat(), "since": now.isoformat(), "scored": 320, "other_tier": 41, "known": 260},
        **{"came": 52, "shadow": measures, "standing": measures},
        "saved": {"value": 0.02, "low": 0.01, "high": 0.03},
    }
    version = ModelVersionFactory(
        tenant=tenant, state=ModelVersion.State.SHADOW, shadow=told, reason="Kept in shadow."
    )
    return [
        *(LIST, f"{LIST}new/"),
        *(f"{LIST}{row.pk}/" for row in made),
        f"/agent/scoring/models/{version.pk}/",
    ]


@EVERY_LOOK
def test_pages_with_rows_stand(
    clean: Page, live: str, broker: User, rows: list[str], sign_in_to: SignedIn, width: int, theme: str
) -> None:
    sign_in_to(clean, broker)
    look(clean, width=width, theme=theme)
    broken: dict[str, tuple[int, list[Violation]]] = {}
    for path in rows:
        clean.goto(live + path)
        wide, found = overflow(clean), violations(clean)
        if wide > 0 or found:
            broken[path] = (wide, found)

    assert broken == {}


def test_a_broker_plans_starts_and_ends_without_script(
    browser: Browser, live: str, broker: User, sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False)
    sign_in_to(context, broker)
    page = context.new_page()
    page.set_default_timeout(STEP_SECONDS * 1000)

    page.goto(live + LIST)
    page.get_by_role("link", name="Plan an experiment").click()
    page.get_by_label("Name").fill("Sooner hot")
    page.get_by_role("combobox", name="What is tried").select_option("tiers")
    page.get_by_role("button", name="Keep the plan").click()
    expect(page.get_by_role("main")).to_contain_text("Say from which score.")
    for label, score in (("Hot from", "60"), ("Warm from", "40"), ("Steady from", "20")):
        page.get_by_label(label).fill(score)
    page.get_by_label("Leads that come in a day").fill("12")
    page.get_by_role("button", name="Reckon what it takes").click()
    expect(page.get_by_role("main")).to_contain_text("with 80% power takes")
    assert not Experiment.objects.exists()

    page.get_by_role("button", name="Keep the plan").click()
    expect(page.get_by_role("main")).to_contain_text("Kept. It runs once you start it.")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("main")).to_contain_text("It runs. Leads enter as they are scored.")
    row = Experiment.objects.get()
    tasks.read_experiment(row.pk)
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Too early to say anything of “Sooner hot”")

    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_role("main")).to_contain_text("Ended. Every lead is scored by what serves again.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sooner hot")
    row.refresh_from_db()
    assert (row.state, row.ended_by) == ("ended", broker)
    context.close()


def test_a_broker_leaves_some_leads_to_chance_and_tries_a_version_unseen(
    clean: Page, live: str, tenant: Tenant, broker: User, sign_in_to: SignedIn
) -> None:
    version = ModelVersionFactory(tenant=tenant)
    sign_in_to(clean, broker)
    clean.goto(live + LIST)

    clean.get_by_label("Leads left to chance").fill("4")
    clean.get_by_role("button", name="Keep").click()
    expect(clean.locator("#toasts")).to_contain_text("Kept. Leads are looked at anew.")
    row = services.capacity_row(tenant)
    assert row is not None
    assert row.explore_share == 0.04

    clean.goto(f"{live}/agent/scoring/models/{version.pk}/")
    clean.get_by_role("button", name="Score in shadow").click()
    expect(clean.locator("#toasts")).to_contain_text("It scores every lead from now on, unseen.")
    version.refresh_from_db()
    assert version.state == "shadow"
