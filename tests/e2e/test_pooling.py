"""How much of a version is the market's, and how much a team's own, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from leads.models import Tenant, User
from tests.e2e.conftest import SignedIn
from tests.e2e.looks import EVERY_LOOK, look, overflow, violations
from tests.factories import ModelVersionFactory

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = [
    {"segment": "", "source": "", "leads": 147, "came": 21, "own_share": 0.66, "odds": 0.94},
    {"segment": "seller", "source": "", "leads": 39, "came": 6, "own_share": 0.35, "odds": 1.13},
    {"segment": "", "source": "Web form", "leads": 46, "came": 1, "own_share": 0.78, "odds": 0.31},
    {"segment": "seller", "source": "A source with " + "a long name " * 6, "leads": 54, "came": 18}
    | {"own_share": 0.8, "odds": 2.4},
]


@EVERY_LOOK
def test_segments_and_sources_are_told_apart(
    clean: Page, live: str, tenant: Tenant, broker: User, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    told = {
        "own_share": 0.04,
        "forward": {},
        "pooling": {"own_share": 0.04, "levels": {"pool": 80.0, "log_loss": {}, "rows": ROWS}},
    }
    version = ModelVersionFactory(tenant=tenant, metrics=told)
    sign_in_to(clean, broker)
    look(clean, width=width, theme=theme)
    clean.goto(f"{live}/agent/scoring/models/{version.pk}/")
    section = clean.locator("section").filter(has=clean.locator("#pooling"))

    expect(section).to_contain_text("All in all 96% market, 4% your data.")
    expect(section).to_contain_text("as many as 80 count as much as what is known of leads around them")
    expect(section.get_by_role("row").nth(3)).to_contain_text("with a long name")
    expect(section.get_by_role("row").nth(4)).to_have_text("Web form Without a segment46122%78%0.31")
    section.get_by_role("region").focus()
    assert (overflow(clean), violations(clean)) == (0, [])
