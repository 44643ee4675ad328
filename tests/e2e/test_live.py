"""The live scoreboard in a browser: arrival, order, resume, fallbacks, pause, isolation."""

from __future__ import annotations

import json
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from leads.ghl import signatures
from leads.models import Lead, Tenant, User
from leads.selectors.dashboard import BOARD_ROWS
from leads.services.standing import Standing, update_standing
from tests import ghl
from tests.e2e.conftest import SignedIn
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)

NO_SOCKETS = """
window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose?.({ code: 1006 }), 0); }
  close() {}
  send() {}
};
"""
NO_STREAMS = """
window.EventSource = class {
  constructor() { setTimeout(() => this.onerror?.(), 0); }
  close() {}
};
"""


def stand(*scores: tuple[Lead, float]) -> None:
    """Let the engines say something new of leads, now and in one transaction."""
    now = datetime.now(UTC)
    reasons = [{"icon": "key-round", "text": "Asked for a showing"}]
    update_standing(
        standings=[
            Standing(lead.pk, score, tier_of(score), None, None, "Call now", reasons, now, now)
            for lead, score in scores
        ]
    )


def tier_of(score: float) -> str:
    return "hot" if score >= 85 else "warm" if score >= 65 else "steady"


def board(page: Page) -> list[str]:
    rows: list[str] = page.eval_on_selector_all("[data-live-board] > tr", "rows => rows.map((row) => row.id)")
    return rows


def open_board(page: Page, live: str, query: str = "") -> None:
    page.goto(f"{live}/agent/{query}")
    expect(page.locator("hl-live")).to_have_attribute("data-state", "open")


def frames_of(page: Page) -> list[Any]:
    """Return a list that fills with the live messages the page's socket brings."""
    messages: list[Any] = []

    def keep(payload: str | bytes) -> None:
        frame = json.loads(payload)
        messages.extend(frame if isinstance(frame, list) else [frame])

    page.on("websocket", lambda socket: socket.on("framereceived", keep))
    return messages


def wait_until(page: Page, condition: str) -> None:
    """Return once an expression holds; Playwright's own waiting needs an `eval` the policy forbids."""
    page.evaluate(
        f"""() => new Promise((resolve) => {{
          const {{ feed }} = document.querySelector("hl-live");
          const look = () => ({condition}) ? resolve() : setTimeout(look, 20);
          look();
        }})"""
    )


def wait_until_asked_for(page: Page, lead: Lead) -> None:
    """Return once the page has told the server that it shows a lead."""
    wait_until(page, f"JSON.parse(feed.asked).targets.includes('lead-{lead.pk}')")


@pytest.fixture
def leads(tenant: Tenant) -> list[Lead]:
    """Three leads, best first."""
    return [LeadFactory(tenant=tenant, score=score, tier="steady") for score in (60.0, 50.0, 40.0)]


def test_posted_webhook_appears_scored_on_the_open_board(
    clean: Page, live: str, worker: None, agent: User, tenant: Tenant, sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)
    expect(clean.get_by_text("Leads appear here as they are scored")).to_be_visible()

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body = ghl.encode(
        {
            "type": "ContactCreate",
            "locationId": tenant.location_id,
            "webhookId": str(uuid.uuid4()),
            "timestamp": now,
            "id": "contact00000000e2e01",
            "firstName": "Maya",
            "lastName": "Okafor",
            "email": "maya@example.net",
            "phone": "+14155550142",
            "source": "Website",
            "dateAdded": now,
        }
    )
    headers = {"Content-Type": "application/json", "X-GHL-Signature": signatures.sign(body, ghl.key())}
    with urllib.request.urlopen(urllib.request.Request(f"{live}/webhooks/ghl/", body, headers)) as answer:
        assert answer.status == 200

    row = clean.locator("[data-live-board] > tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Maya Okafor")
    lead = Lead.objects.get(tenant=tenant)
    assert lead.score is not None
    expect(row).to_have_attribute("data-tier", lead.tier)


def test_new_score_moves_its_row_and_says_how_fresh_it_is(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)
    first, second, third = (f"lead-{lead.pk}" for lead in leads)
    assert board(clean) == [first, second, third]

    stand((leads[2], 91))

    expect(clean.locator(f"#{third}")).to_have_attribute("data-score", "91.0")
    assert board(clean) == [third, first, second]
    expect(clean.locator("[data-freshness-text]").first).to_contain_text("after the event")
    fresh = clean.locator("hl-live").get_attribute("data-freshness")
    assert fresh is not None
    assert 0 <= int(fresh) < 15_000


@pytest.fixture
def ranked(tenant: Tenant) -> list[Lead]:
    """A full board, from 84 down to 60, and two leads below it: 50 and 40."""
    scores = [*(84.0 - place for place in range(BOARD_ROWS)), 50.0, 40.0]
    return [LeadFactory(tenant=tenant, score=score, tier=tier_of(score)) for score in scores]


def test_lead_that_rises_above_the_floor_enters_a_full_board_whole(
    clean: Page, live: str, agent: User, ranked: list[Lead], sign_in_to: SignedIn
) -> None:
    *shown, pushed_out, riser, _ = ranked
    sign_in_to(clean, agent)
    open_board(clean, live)
    assert board(clean) == [f"lead-{lead.pk}" for lead in [*shown, pushed_out]]

    stand((riser, 91))

    row = clean.locator(f"#lead-{riser.pk}")
    expect(row).to_have_attribute("data-score", "91.0")
    expect(row.locator("a.row-link")).to_have_text(riser.name)
    expect(row.locator(".lead-score")).to_contain_text("Hot")
    expect(row.locator(".cell-why")).to_contain_text("Asked for a showing")
    expect(row.get_by_role("link", name=f"Call now: {riser.name}")).to_be_visible()
    assert board(clean) == [f"lead-{lead.pk}" for lead in [riser, *shown]]


def test_update_below_the_floor_brings_no_row_and_no_fragment(
    clean: Page, live: str, agent: User, ranked: list[Lead], sign_in_to: SignedIn
) -> None:
    messages = frames_of(clean)
    sign_in_to(clean, agent)
    open_board(clean, live)
    before = board(clean)

    stand((ranked[-1], 45.0), (ranked[0], 83.5))

    expect(clean.locator(f"#lead-{ranked[0].pk}")).to_have_attribute("data-score", "83.5")
    assert board(clean) == before
    assert [(each["data"]["lead_id"], "html" in each) for each in messages] == [
        (ranked[-1].pk, False),
        (ranked[0].pk, True),
    ]


def test_row_that_came_live_gets_its_fragments_from_then_on(
    clean: Page, live: str, agent: User, ranked: list[Lead], sign_in_to: SignedIn
) -> None:
    riser = ranked[-1]
    messages = frames_of(clean)
    sign_in_to(clean, agent)
    open_board(clean, live)
    stand((riser, 91))
    expect(clean.locator(f"#lead-{riser.pk}")).to_have_attribute("data-score", "91.0")
    wait_until_asked_for(clean, riser)
    clean.evaluate(
        "document.querySelector('hl-live').refillLater = () => {}"
    )  # leave the row where it sinks to

    stand((riser, 20))  # far below the floor: only a row that is asked for comes

    expect(clean.locator(f"#lead-{riser.pk}")).to_have_attribute("data-score", "20.0")
    assert board(clean)[-1] == f"lead-{riser.pk}"
    assert [list(each["html"]) for each in messages] == [[f"lead-{riser.pk}"]] * 2


def test_update_of_a_new_row_before_the_page_asks_for_it_is_sent_again(
    clean: Page, live: str, agent: User, ranked: list[Lead], sign_in_to: SignedIn
) -> None:
    riser = ranked[-1]
    sign_in_to(clean, agent)
    open_board(clean, live)
    clean.evaluate(
        """() => {
          const { feed } = document.querySelector("hl-live");
          window.held = [];
          feed.watch = (missed) => held.push(missed);
          document.querySelector("hl-live").refillLater = () => {};
        }"""
    )
    stand((riser, 91))
    expect(clean.locator(f"#lead-{riser.pk}")).to_have_attribute("data-score", "91.0")
    stand((riser, 20))
    wait_until(clean, "held.some((missed) => missed !== undefined)")
    expect(clean.locator(f"#lead-{riser.pk}")).to_have_attribute("data-score", "91.0")

    clean.evaluate(
        """() => {
          const { feed } = document.querySelector("hl-live");
          delete feed.watch;
          feed.watch(Math.min(...held.filter((missed) => missed !== undefined)));
        }"""
    )

    expect(clean.locator(f"#lead-{riser.pk}")).to_have_attribute("data-score", "20.0")


def test_row_that_sinks_makes_room_for_the_lead_that_belongs_there(
    clean: Page, live: str, agent: User, ranked: list[Lead], sign_in_to: SignedIn
) -> None:
    first, *others, waiting, last = ranked
    sign_in_to(clean, agent)
    open_board(clean, live)

    stand((last, 45), (first, 10))  # `last` moves unseen in the same moment: it still is behind `waiting`

    row = clean.locator(f"#lead-{waiting.pk}")
    expect(row).to_have_attribute("data-score", "50.0")
    expect(row.locator("a.row-link")).to_have_text(waiting.name)
    assert board(clean) == [f"lead-{lead.pk}" for lead in [*others, waiting]]
    wait_until_asked_for(clean, waiting)
    stand((waiting, 55))
    expect(row).to_have_attribute("data-score", "55.0")


def test_lead_that_rises_as_the_floor_sinks_is_not_missed(
    clean: Page, live: str, agent: User, ranked: list[Lead], sign_in_to: SignedIn
) -> None:
    first, *others, _, riser = ranked
    sign_in_to(clean, agent)
    open_board(clean, live)

    stand(
        (riser, 55), (first, 10)
    )  # 55 is below the floor the page subscribed with, and above the one it has now

    expect(clean.locator(f"#lead-{riser.pk}")).to_have_attribute("data-score", "55.0")
    assert board(clean) == [f"lead-{lead.pk}" for lead in [*others, riser]]


def test_focus_stays_in_a_row_that_is_replaced(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)
    clean.locator(f"#lead-{leads[1].pk} a.row-link").focus()

    stand((leads[1], 91))

    expect(clean.locator(f"#lead-{leads[1].pk}")).to_have_attribute("data-score", "91.0")
    expect(clean.locator(f"#lead-{leads[1].pk} a.row-link")).to_be_focused()


def test_filtered_board_lets_in_and_out(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live, "?show=hot")
    assert board(clean) == []

    stand((leads[0], 91))
    expect(clean.locator(f"#lead-{leads[0].pk}")).to_be_visible()
    stand((leads[0], 70))
    expect(clean.locator(f"#lead-{leads[0].pk}")).to_have_count(0)
    expect(clean.get_by_text("No lead is hot now")).to_be_visible()


def test_reader_that_comes_back_gets_what_it_missed(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)
    clean.evaluate("document.querySelector('hl-live').feed.close()")

    stand((leads[1], 77))
    stand((leads[2], 91))
    clean.evaluate("document.querySelector('hl-live').feed.open()")

    expect(clean.locator(f"#lead-{leads[2].pk}")).to_have_attribute("data-score", "91.0")
    assert board(clean) == [f"lead-{leads[index].pk}" for index in (2, 1, 0)]


def test_dropped_socket_is_opened_again(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)

    clean.evaluate("document.querySelector('hl-live').feed.web.close()")
    expect(clean.locator("#live-pill")).to_have_attribute("data-state", "open")
    stand((leads[0], 91))

    expect(clean.locator(f"#lead-{leads[0].pk}")).to_have_attribute("data-score", "91.0")


@pytest.mark.parametrize(
    ("broken", "transport", "state"),
    [([NO_SOCKETS], "stream", "open"), ([NO_SOCKETS, NO_STREAMS], "polling", "polling")],
)
def test_without_sockets_the_same_messages_come_another_way(
    clean: Page,
    live: str,
    agent: User,
    leads: list[Lead],
    sign_in_to: SignedIn,
    broken: list[str],
    transport: str,
    state: str,
) -> None:
    for script in broken:
        clean.add_init_script(script)
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/")
    expect(clean.locator("hl-live")).to_have_attribute("data-transport", transport, timeout=30_000)
    expect(clean.locator("#live-pill")).to_have_attribute("data-state", state)

    stand((leads[2], 91))

    expect(clean.locator(f"#lead-{leads[2].pk}")).to_have_attribute("data-score", "91.0")
    assert board(clean)[0] == f"lead-{leads[2].pk}"


def test_paused_board_keeps_updates_until_it_goes_on(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)
    clean.keyboard.press("p")
    expect(clean.locator("#live-pill")).to_have_attribute("data-state", "paused")

    stand((leads[2], 91))

    toggle = clean.locator("[data-live-toggle]")
    expect(toggle).to_contain_text("Resume (1)")
    expect(clean.locator(f"#lead-{leads[2].pk}")).to_have_attribute("data-score", "40.0")
    toggle.click()
    expect(clean.locator(f"#lead-{leads[2].pk}")).to_have_attribute("data-score", "91.0")


def test_lost_server_is_said_with_the_time_of_the_data(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    open_board(clean, live)

    clean.evaluate("document.querySelector('hl-live').setState('retry', 'none')")

    expect(clean.locator("#lost-banner")).to_contain_text("The live connection is lost. Showing data from")
    clean.evaluate("document.querySelector('hl-live').setState('open', 'websocket')")
    expect(clean.locator("#lost-banner")).to_be_hidden()


def test_two_tenants_see_only_their_own(
    clean: Page,
    browser: Browser,
    live: str,
    agent: User,
    other_agent: User,
    other_tenant: Tenant,
    leads: list[Lead],
    sign_in_to: SignedIn,
) -> None:
    theirs = LeadFactory(tenant=other_tenant, score=30, tier="steady")
    sign_in_to(clean, agent)
    open_board(clean, live)
    neighbours = browser.new_context()
    sign_in_to(neighbours, other_agent)
    other_page = neighbours.new_page()
    open_board(other_page, live)

    stand((leads[0], 91))
    expect(clean.locator(f"#lead-{leads[0].pk}")).to_have_attribute("data-score", "91.0")
    stand((theirs, 72))
    expect(other_page.locator(f"#lead-{theirs.pk}")).to_have_attribute("data-score", "72.0")

    assert board(other_page) == [f"lead-{theirs.pk}"]
    expect(other_page.locator("hl-live")).to_have_attribute("data-applied", "1")
    expect(clean.locator("hl-live")).to_have_attribute("data-applied", "1")
    neighbours.close()


def test_table_row_keeps_its_tick_and_its_agent_when_it_changes(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    Lead.objects.update(assigned_to=agent)
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/leads/")
    expect(clean.locator("hl-live")).to_have_attribute("data-state", "open")
    row = clean.locator(f"#lead-{leads[2].pk}")
    row.locator("input").check()

    stand((leads[2], 91))

    expect(row).to_have_attribute("data-score", "91.0")
    expect(row.locator("input")).to_be_checked()
    expect(row.locator(".cell-agent")).to_have_text("Avery")
    rows = clean.eval_on_selector_all("[data-rows] > tr", "rows => rows.map((row) => row.id)")
    assert rows[-1] == f"lead-{leads[2].pk}"


def test_page_of_a_lead_follows_that_lead(
    clean: Page, live: str, agent: User, leads: list[Lead], sign_in_to: SignedIn
) -> None:
    sign_in_to(clean, agent)
    clean.goto(f"{live}/agent/leads/{leads[0].pk}/")
    expect(clean.locator("hl-live")).to_have_attribute("data-state", "open")
    standing = clean.get_by_role("region", name="Standing")

    stand((leads[1], 77))
    stand((leads[0], 91))

    expect(standing).to_contain_text("91")
    expect(standing).to_contain_text("Hot")
