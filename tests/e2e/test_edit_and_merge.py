"""Editing and merging leads in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from leads.models import ContactEdit, Lead, LeadMerge, Tenant, User
from leads.services.merging import merge_leads
from tests.e2e.conftest import STEP_SECONDS, SignedIn
from tests.e2e.looks import EVERY_LOOK, look, overflow, violations
from tests.factories import CustomFieldFactory, LeadFactory
from tests.people import make_maya

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def maya(tenant: Tenant, agent: User) -> Lead:
    """A lead with something in every field, and fields of every sort."""
    for key, name, data_type, options in (
        ("beds", "Bedrooms", "NUMERICAL", []),
        ("price", "Highest price", "MONETORY", []),
        ("move", "Moving day", "DATE", []),
        ("wishes", "Wishes", "CHECKBOX", ["Yard", "Pool", "Garage", "A quiet street"]),
        ("lender", "Has a lender", "RADIO", ["Yes", "No"]),
        ("story", "Their story", "LARGE_TEXT", []),
    ):
        CustomFieldFactory(tenant=tenant, key=key, name=name, data_type=data_type, options=options)
    return make_maya(
        tenant,
        agent,
        tags=["open-house"],
        score=81.0,
        tier="warm",
        custom={"beds": 3, "wishes": ["Yard"], "move": "2027-03-01"},
        profile={"location": "Near the lake"},
    )


@pytest.fixture
def double(tenant: Tenant) -> Lead:
    lead: Lead = LeadFactory(
        tenant=tenant,
        first_name="Maya",
        last_name="Okafor",
        email="m.okafor@a-rather-long-mail-domain.example.org",
        company="Okafor & Daughters, Architects",
        tags=["investor"],
    )
    return lead


def test_a_lead_is_edited_by_keyboard(
    page: Page, live: str, agent: User, broker: User, maya: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(page, agent)
    page.goto(f"{live}/agent/leads/{maya.pk}/")
    page.keyboard.press("e")
    page.wait_for_url(f"**/agent/leads/{maya.pk}/edit/")

    page.get_by_label("Phone", exact=True).fill("12")
    page.get_by_label("Bedrooms").fill("4")
    page.get_by_label("Pool").check()
    page.get_by_label("Assigned to").select_option(label="Blake Broker")
    page.get_by_label("Calls").select_option(label="Granted: they agreed")
    page.get_by_label("City").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Phone: This phone number has too few digits.")
    expect(page.get_by_role("alert")).to_contain_text("How they agreed: Write how they agreed")
    expect(page.get_by_label("Bedrooms")).to_have_value("4")

    page.get_by_label("Phone", exact=True).fill("(415) 555-0199")
    page.get_by_label("How they agreed").fill("On the phone")
    page.get_by_label("How they agreed").press("Enter")

    page.wait_for_url(f"**/agent/leads/{maya.pk}/")
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    maya.refresh_from_db()
    assert (maya.phone, maya.assigned_to) == ("+14155550199", broker)
    assert (maya.custom["beds"], maya.custom["wishes"]) == (4, ["Yard", "Pool"])
    assert maya.consent["CALL"]["note"] == "On the phone"


def test_two_people_who_edit_at_once_are_told(
    page: Page, live: str, agent: User, maya: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(page, agent)
    page.goto(f"{live}/agent/leads/{maya.pk}/edit/")
    Lead.objects.filter(pk=maya.pk).update(city="Alameda")

    page.get_by_label("City").fill("Berkeley")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved.")
    expect(page.locator("#stale tbody tr")).to_have_text(["CityBerkeleyAlameda"])
    assert violations(page) == []
    page.get_by_role("button", name="Save mine").click()
    page.wait_for_url(f"**/agent/leads/{maya.pk}/")
    assert Lead.objects.get(pk=maya.pk).city == "Berkeley"


def test_two_records_are_merged_and_parted_by_keyboard_from_the_palette(
    clean: Page, live: str, agent: User, maya: Lead, double: Lead, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")
    clean.keyboard.press("Control+k")
    clean.keyboard.type("merge maya")
    options = clean.locator("#palette-list [role=option]")
    expect(options.first).to_contain_text("Merge Maya Okafor")
    clean.keyboard.press("Enter")
    clean.wait_for_url(f"**/agent/leads/{maya.pk}/merge/")

    expect(clean.get_by_text("Same name")).to_be_visible()
    clean.get_by_role("link", name="Compare with Maya Okafor").press("Enter")
    row = clean.locator("tr", has=clean.get_by_role("rowheader", name="Company"))
    expect(row.locator("td").last).to_contain_text("Okafor & Daughters, Architects")
    clean.get_by_label("Why").fill("Same voice on the phone")
    clean.get_by_label("Why").press("Enter")

    clean.wait_for_url(f"**/agent/leads/{maya.pk}/")
    merges = clean.locator("section", has=clean.get_by_role("heading", name="Merges"))
    expect(merges).to_contain_text("Same voice on the phone")
    assert Lead.objects.get(pk=double.pk).merged_into == maya
    merges.get_by_role("button", name="Undo").press("Enter")
    expect(clean.locator("#toasts")).to_contain_text("The merge is undone")
    assert LeadMerge.objects.get().undone_by == agent
    assert Lead.objects.get(pk=double.pk).status == Lead.Status.ACTIVE


def test_editing_and_merging_work_without_script(
    browser: Browser, live: str, agent: User, maya: Lead, double: Lead, sign_in_to: SignedIn
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    sign_in_to(context, agent)
    page = context.new_page()
    page.set_default_timeout(STEP_SECONDS * 1000)

    page.goto(f"{live}/agent/leads/{maya.pk}/")
    page.get_by_role("link", name="Edit the facts").click()
    page.get_by_label("Tags").fill("open-house, vip")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Saved.")

    page.get_by_role("link", name="Merge with another record").click()
    page.get_by_role("searchbox").last.fill("okafor")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Compare with Maya Okafor").last.click()
    page.get_by_role("link", name="Keep the other record instead").click()
    page.get_by_role("button", name="Merge the two").click()

    page.wait_for_url(f"**/agent/leads/{double.pk}/")
    assert Lead.objects.get(pk=maya.pk).merged_into == double
    assert Lead.objects.get(pk=double.pk).tags == ["investor", "open-house", "vip"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("main")).to_contain_text("The merge is undone")
    context.close()


@EVERY_LOOK
def test_the_pages_stand(
    clean: Page,
    live: str,
    agent: User,
    maya: Lead,
    double: Lead,
    tenant: Tenant,
    sign_in_to: SignedIn,
    width: int,
    theme: str,
) -> None:
    ContactEdit.objects.create(
        lead=maya,
        fields=["phone"],
        state="failed",
        error="it was refused (phone).",
    )
    merge_leads(survivor=maya, absorbed=LeadFactory(tenant=tenant), by=agent, reason="Met them")
    sign_in_to(clean, agent)
    look(clean, width=width, theme=theme)
    broken: dict[str, Any] = {}
    for path in ("", "edit/", "merge/", "merge/?q=okafor", f"merge/?other={double.pk}"):
        clean.goto(f"{live}/agent/leads/{maya.pk}/{path}")
        if (found := (overflow(clean), violations(clean))) != (0, []):
            broken[path] = found

    assert broken == {}
