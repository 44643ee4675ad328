"""Which of a team's own fields a version learned from, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from leads.models import Tenant, User
from tests.e2e.conftest import SignedIn
from tests.e2e.looks import EVERY_LOOK, look, overflow, violations
from tests.factories import ModelVersionFactory

pytestmark = pytest.mark.django_db(transaction=True)


@EVERY_LOOK
def test_the_fields_of_a_version_are_named(
    clean: Page, live: str, tenant: Tenant, broker: User, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    told = {
        "used": ["Budget range", "Loan amount"],
        "left_out": {
            "Religion": "speaks of religion: no score may rest on it",
            "Close code": "gives the outcome away. Of 42 leads with “K1”, 42 converted; of all, 21.0% did.",
            "a_key_that_is_as_long_as_keys_can_be_and_has_no_blank_in_it_anywhere": "is free text",
        },
    }
    version = ModelVersionFactory(tenant=tenant, metrics={"own_fields": told})
    sign_in_to(clean, broker)
    look(clean, width=width, theme=theme)
    clean.goto(f"{live}/agent/scoring/models/{version.pk}/")
    section = clean.locator("section").filter(has=clean.locator("#own-fields"))
    expect(section).to_contain_text("It learned from 2 of your contact fields: Budget range, Loan amount.")

    section.get_by_text("3 left out, and why").focus()
    clean.keyboard.press("Enter")
    expect(section.get_by_text("speaks of religion: no score may rest on it")).to_be_visible()
    assert (overflow(clean), violations(clean)) == (0, [])
