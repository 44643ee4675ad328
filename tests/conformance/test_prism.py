"""The client against GoHighLevel's own OpenAPI documents, served by Stoplight Prism.

Set HEARTHLINE_PRISM_URL to a running `prism mock`, or have `prism` on the PATH (or in HEARTHLINE_PRISM) and
the joined document in HEARTHLINE_PRISM_SPEC.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from leads.ghl import errors, oauth
from leads.ghl.client import GHLClient
from leads.ghl.ratelimit import Limiter, Limits, LocalBucket
from leads.ghl.records import (
    AppointmentDraft,
    ContactDraft,
    FieldValue,
    MessageDraft,
    OpportunityDraft,
    TaskDraft,
)
from leads.ghl.transport import Retries, StaticToken, Transport

ROOT = Path(__file__).resolve().parents[2]
SPEC = Path(
    os.environ.get(
        "HEARTHLINE_PRISM_SPEC", str(ROOT.parent / "shared" / "ghl" / "prism" / "ghl-mock-2021.json")
    )
)
PRISM = os.environ.get("HEARTHLINE_PRISM") or shutil.which("prism")
URL = os.environ.get("HEARTHLINE_PRISM_URL", "")
NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
START_SECONDS = 60

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        not URL and not (PRISM and SPEC.is_file()),
        reason="no Prism: set HEARTHLINE_PRISM_URL, or install prism and set HEARTHLINE_PRISM_SPEC",
    ),
]


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """Give the address of a mock server, one of our own when none is running."""
    if URL:
        yield URL
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert PRISM
    server = subprocess.Popen(
        [PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), str(SPEC)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _await(port: int) -> None:
    """Wait for another program to listen; there is nothing to be told by."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("Prism did not start.")


@pytest.fixture
def http(prism: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=prism, timeout=30) as client:
        yield client


def transport(http: httpx.Client) -> Transport:
    limiter = Limiter(None, LocalBucket(Limits(alone=10_000)))
    return Transport(http, StaticToken("test-token"), limiter, "k", retries=Retries(tries=1))


@pytest.fixture
def client(http: httpx.Client) -> GHLClient:
    return GHLClient(transport(http), "L1")


CALLS: dict[str, Callable[[GHLClient], Any]] = {
    "get contact": lambda c: c.get_contact("c1"),
    "upsert contact": lambda c: c.upsert_contact(
        ContactDraft(email="a@example.com", first_name="Ana", fields=(FieldValue(87, id="cf1"),))
    ),
    "update contact": lambda c: c.update_contact(
        "c1",
        {
            "firstName": "Ana",
            "city": None,
            "postalCode": "",
            "assignedTo": None,
            "customFields": [FieldValue(["Yard", "Pool"], id="cf1").body()],
            "dndSettings": {"SMS": {"status": "active", "message": "Set in Hearthline", "code": ""}},
        },
    ),
    "update custom fields": lambda c: c.update_custom_fields(
        "c1", [FieldValue("87", key="hearthline_score")]
    ),
    "add tags": lambda c: c.add_tags("c1", ["hot"]),
    "remove tags": lambda c: c.remove_tags("c1", ["hot"]),
    "add note": lambda c: c.add_note("c1", "score 87"),
    "add task": lambda c: c.add_task("c1", TaskDraft("Call", NOW, body="Asked", assigned_to="u1")),
    "enrol": lambda c: c.enrol("c1", "w1"),
    "contact appointments": lambda c: c.contact_appointments("c1"),
    "send text": lambda c: c.send_message(MessageDraft("SMS", "c1", text="Hi")),
    "send e-mail": lambda c: c.send_message(MessageDraft("Email", "c1", subject="Hi", html="<p>Hi</p>")),
    "search conversations": lambda c: c.search_conversations(contact_id="c1"),
    "list messages": lambda c: c.list_messages("v1"),
    "get message": lambda c: c.get_message("m1"),
    "search opportunities": lambda c: c.search_opportunities(after=(1625203104328, "o1")),
    "upsert opportunity": lambda c: c.upsert_opportunity(OpportunityDraft("p1", "c1", "Deal", value=100)),
    "set opportunity status": lambda c: c.set_opportunity_status("o1", "won"),
    "list pipelines": lambda c: c.list_pipelines(),
    "list calendars": lambda c: c.list_calendars(),
    "list appointments": lambda c: c.list_appointments("k1", since=NOW, until=NOW + timedelta(days=7)),
    "free slots": lambda c: c.free_slots("k1", since=NOW, until=NOW + timedelta(days=7)),
    "book": lambda c: c.book(AppointmentDraft("k1", "c1", NOW, title="Showing")),
    "get location": lambda c: c.get_location(),
    "list custom fields": lambda c: c.list_custom_fields(),
    "add custom field": lambda c: c.add_custom_field("Hearthline score", "NUMERICAL"),
    "list users": lambda c: c.list_users(),
    "list workflows": lambda c: c.list_workflows(),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_documented_call_is_made_and_its_answer_read(client: GHLClient, name: str) -> None:
    CALLS[name](client)


def test_a_search_of_contacts_is_accepted(http: httpx.Client) -> None:
    """The document gives its answer no body, so the request alone is judged."""
    answer = http.post(
        "/contacts/search",
        json={"locationId": "L1", "pageLimit": 100, "page": 1},
        headers={"Version": "2021-07-28", "Authorization": "Bearer test-token"},
    )

    assert answer.status_code == 200


def test_answers_hold_what_the_product_uses(client: GHLClient) -> None:
    assert client.get_contact("c1").email == "rubika@deos.com"
    assert client.get_location().time_zone == "America/Chicago"
    assert client.list_users()[0].email == "john@deo.com"
    assert len(client.free_slots("k1", since=NOW, until=NOW + timedelta(days=7))) == 4


def test_wrong_requests_are_refused_as_documented(client: GHLClient) -> None:
    with pytest.raises(errors.Rejected):
        client.set_opportunity_status("o1", "maybe")
    with pytest.raises(errors.Rejected):
        client.send_message(MessageDraft("PIGEON", "c1", text="Hi"))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (429, errors.TooManyCalls),
        (401, errors.TokenRefused),
        (422, errors.Rejected),
        (500, errors.Unavailable),
    ],
)
def test_documented_failures_are_told_apart(
    http: httpx.Client, code: int, error: type[errors.GHLError]
) -> None:
    http.headers["Prefer"] = f"code={code}"

    with pytest.raises(error):
        GHLClient(transport(http), "L1").get_location()


def test_tokens_are_exchanged(http: httpx.Client) -> None:
    app = oauth.App("a", "b", "https://leads.example.com/integrations/ghl/callback/")

    grant = oauth.exchange_code(http, app, "c", now=NOW)
    renewed = oauth.refresh(http, app, grant.refresh_token, user_type="Location", now=NOW)
    exchanged = oauth.location_grant(transport(http), "co", "l1C08ntBrFjLS0elLIYU", now=NOW)

    assert grant.access_token == renewed.access_token == "ab12dc0ae1234a7898f9ff06d4f69gh"
    assert grant.expires_at == NOW + timedelta(seconds=86_399)
    assert exchanged.location_id == "l1C08ntBrFjLS0elLIYU"
