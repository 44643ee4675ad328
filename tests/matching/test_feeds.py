from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from pytest_django import Settings

from leads.models import Event, Tenant
from matching import services, tasks
from matching.listings import web
from matching.listings.reso import Access, ResoError, Retries, Server
from matching.listings.web import Blocked
from matching.models import Feed, FeedRun, Listing, Media, Member, Office, OpenHouse, StatusChange
from matching.services import feeds
from tests.conftest import Freeze
from tests.matching.factories import FeedFactory
from tests.matching.records import record
from tests.reso_api import StubReso, serving

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock(freeze: Freeze) -> time_machine.Traveller:
    return freeze(NOW)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[StubReso]:
    settings.FEEDS_MAY_BE_PRIVATE = True
    monkeypatch.setattr(feeds, "RETRIES", Retries(first=0.0))
    with serving() as made:
        made.resources["Property"] = [listed(n) for n in range(7)]
        yield made


@pytest.fixture
def feed(tenant: Tenant, server: StubReso, clock: time_machine.Traveller) -> Feed:
    return feed_of(tenant, server)


def feed_of(tenant: Tenant, server: StubReso, **facts: Any) -> Feed:
    feed: Feed = FeedFactory(
        **{
            "tenant": tenant,
            "name": "Northwest MLS",
            "url": server.url,
            "access_token": "",
            "page_size": 100,
            "due_at": NOW,
            **facts,
        }
    )
    return feed


def listed(number: int, **changes: Any) -> dict[str, Any]:
    moment = f"2026-11-02T10:{number:02}:00.000Z"
    return record(number, **{"ModificationTimestamp": moment, "Media": [photo(number)], **changes})


def photo(number: int) -> dict[str, Any]:
    return {"MediaKey": f"m{number}", "MediaURL": f"https://img.example.com/{number}.jpg", "Order": 1}


def read(feed: Feed) -> Feed:
    """Let the feed's time come, read it as beat does, and return it as it is then."""
    Feed.objects.filter(pk=feed.pk).update(due_at=datetime.now(UTC))
    tasks.read_feeds()
    feed.refresh_from_db()
    return feed


def test_a_first_reading_brings_everything_in(feed: Feed, server: StubReso) -> None:
    server.resources["Office"] = [
        {
            "OfficeKey": "O1",
            "OfficeName": "Harbor Realty LLC",
            "ModificationTimestamp": "2026-01-01T00:00:00Z",
        }
    ]
    server.resources["Member"] = [
        {
            "MemberKey": "A7",
            "MemberFullName": "Jordan B. Reyes",
            "ModificationTimestamp": "2026-01-01T00:00:00Z",
        }
    ]

    read(feed)

    assert (feed.state, feed.error, feed.read_at) == (Feed.State.OK, "", NOW)
    assert feed.due_at == NOW + timedelta(minutes=10)
    assert feed.next_links == {}
    assert feed.cursors["Property"] == "2026-11-02T10:06:00+00:00"
    assert Listing.objects.filter(feed=feed).count() == 7
    assert Media.objects.count() == 7
    assert Office.objects.get().office_name == "Harbor Realty LLC"
    assert Member.objects.get().member_full_name == "Jordan B. Reyes"
    (run,) = FeedRun.objects.all()
    assert (run.done, run.created, run.failed, run.error) == (7, 7, 0, "")
    assert all(event.is_backfill for event in Event.objects.filter(kind="listing.added"))
    first = server.pages()[0]
    assert "$filter=ModificationTimestamp%20ge%201970-01-01T00:00:00.000Z" in first
    assert "$orderby=ModificationTimestamp%20asc,ListingKey%20asc" in first
    assert "$expand=Media,OpenHouses" in first
    assert "/odata/page/Property/2?$skiptoken=a%20b" in server.asked  # verbatim


def test_only_what_is_new_is_read_next_with_an_overlap(
    feed: Feed, server: StubReso, clock: time_machine.Traveller
) -> None:
    read(feed)
    server.asked.clear()
    server.resources["Property"][2] = listed(
        2, ListPrice=499_000, ModificationTimestamp="2026-11-20T12:05:00.000Z"
    )
    clock.shift(timedelta(minutes=10))

    read(feed)

    assert "ge%202026-11-02T10:01:00.000Z" in server.pages()[0]
    assert Listing.objects.get(listing_key="NW2").list_price == 499_000
    run = FeedRun.objects.latest("pk")
    assert (run.done, run.updated, run.unchanged) == (6, 1, 5)
    (event,) = Event.objects.filter(kind="listing.changed")
    assert not event.is_backfill
    assert event.data["listings"][0]["price"] == [525000.0, 499000.0]


def test_a_reading_that_finds_nothing_leaves_no_trace(
    feed: Feed, server: StubReso, clock: time_machine.Traveller
) -> None:
    read(feed)
    server.resources["Property"] = []
    clock.shift(timedelta(minutes=10))
    feed = read(feed)

    assert FeedRun.objects.count() == 1
    assert feed.read_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {"Retry-After": "0"}), (500, {}), (503, {"Retry-After": "0"})]
)
def test_a_busy_or_failing_server_is_asked_again(
    status: int, headers: dict[str, str], feed: Feed, server: StubReso
) -> None:
    server.failures.extend([None, None, None])  # no offices, no agents, the first page
    server.fail(status, headers)
    server.fail(status, headers)

    read(feed)

    assert feed.state == Feed.State.OK
    assert Listing.objects.count() == 7


def test_a_long_wait_is_taken_by_the_feed_not_by_the_worker(feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None])
    server.fail(429, {"Retry-After": "1800"})

    read(feed)

    assert (feed.state, feed.error) == (Feed.State.FAILING, "The server asks us to slow down.")
    assert feed.due_at == NOW + timedelta(minutes=30)
    assert FeedRun.objects.get().error == "The server asks us to slow down."


def test_a_date_may_say_how_long_to_wait(feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None])
    server.fail(503, {"Retry-After": "Fri, 20 Nov 2026 14:00:00 GMT"})

    assert read(feed).due_at == NOW + timedelta(hours=2)


def test_an_interrupted_reading_goes_on_at_its_page(feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None, None, None])
    for _ in range(5):
        server.fail(500)

    read(feed)

    assert feed.state == Feed.State.FAILING
    assert feed.error == "The server fails (500)."
    assert Listing.objects.count() == 6
    assert feed.next_links["Property"]["link"].endswith("/odata/page/Property/1?$skiptoken=a%20b")
    assert feed.cursors["Property"] == "2026-11-02T10:05:00+00:00"
    server.asked.clear()
    read(feed)
    assert server.pages()[0] == "/odata/page/Property/1?$skiptoken=a%20b"
    assert (feed.state, feed.next_links) == (Feed.State.OK, {})
    assert Listing.objects.count() == 7


def test_a_link_that_is_over_is_made_good_by_the_cursor(feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None, None, None])
    for _ in range(5):
        server.fail(500)
    read(feed)
    server.forget_links()
    server.asked.clear()

    read(feed)

    assert "ge%202026-11-02T10:00:00.000Z" in server.pages()[1]
    assert Listing.objects.count() == 7


def test_pages_out_of_order_lose_nothing_when_interrupted(feed: Feed, server: StubReso) -> None:
    server.order = lambda rows: rows[::-1]
    server.failures.extend([None, None, None])
    for _ in range(5):
        server.fail(500)
    read(feed)
    assert Listing.objects.count() == 3
    assert "Property" not in feed.cursors  # the newest came first: it tells nothing of the others
    server.forget_links()

    read(feed)

    assert Listing.objects.count() == 7
    assert feed.cursors["Property"] == "2026-11-02T10:06:00+00:00"


def test_a_page_that_comes_twice_changes_nothing(feed: Feed, server: StubReso) -> None:
    server.order = lambda rows: rows[:3] + rows[:3] + rows[3:]

    read(feed)

    run = FeedRun.objects.get()
    assert (run.done, run.created, run.unchanged) == (10, 7, 3)


def test_pages_that_go_round_are_told(feed: Feed, server: StubReso) -> None:
    links: list[str] = []

    def round_and_round(link: str) -> str:
        links.append(link)
        return links[0]

    server.next_link = round_and_round
    assert read(feed).error == "The server's pages go round in a circle."


def test_a_long_reading_is_done_in_turns(
    feed: Feed, server: StubReso, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGES", 2)

    read(feed)

    assert Listing.objects.count() == 6
    assert (feed.due_at, feed.read_at) == (NOW, None)
    read(feed)
    assert (Listing.objects.count(), feed.read_at) == (7, NOW)


def test_a_page_at_another_server_is_not_read(feed: Feed, server: StubReso) -> None:
    server.next_link = lambda link: link.replace("127.0.0.1", "localhost")

    assert read(feed).error == "The server's next page is at another server: it is not read."
    assert Listing.objects.count() == 3


def test_a_redirect_is_not_followed(feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None])
    server.fail(302, {"Location": "http://169.254.169.254/latest/meta-data/"})

    assert "sends us elsewhere" in read(feed).error


def test_a_token_is_fetched_kept_and_renewed(tenant: Tenant, server: StubReso, clock: Any) -> None:
    server.token = "none given yet"
    feed = feed_of(tenant, server, token_url=server.token_url, client_id="us", client_secret="client-secret")

    read(feed)

    assert (server.tokens_given, feed.access_token) == (1, "token-1")
    assert feed.token_expires_at == NOW + timedelta(hours=1)
    server.token = "ended early"  # refused once, then renewed
    clock.shift(timedelta(minutes=10))
    read(feed)
    assert (server.tokens_given, feed.access_token, feed.state) == (2, "token-2", Feed.State.OK)
    clock.shift(timedelta(hours=2))  # over by its own time: renewed without being refused
    server.asked.clear()
    read(feed)
    assert server.tokens_given == 3


@pytest.mark.parametrize(
    ("secret", "token_url", "said"),
    [
        ("wrong", True, "The server refuses the client id or secret. Check both."),
        ("", False, "The server refuses our token. Enter a new one, or check client id and secret."),
    ],
)
def test_a_refused_credential_is_said_in_words(
    secret: str, token_url: bool, said: str, tenant: Tenant, server: StubReso, clock: Any
) -> None:
    server.token = "another"
    feed = feed_of(
        tenant, server, token_url=server.token_url if token_url else "", client_secret=secret, access_token=""
    )

    assert read(feed).error == said
    assert feed.due_at == NOW + timedelta(hours=1)
    assert "another" not in feed.error


def test_a_server_without_expand_is_read_in_parts(feed: Feed, server: StubReso) -> None:
    server.expands = False
    server.resources["Media"] = [
        {
            **photo(n),
            "ResourceName": "Property",
            "ResourceRecordKey": f"NW{n}",
            "ModificationTimestamp": "2026-11-02T10:00:00.000Z",
        }
        for n in (1, 2, 99)
    ]
    server.resources["OpenHouse"] = [
        {
            "OpenHouseKey": "o1",
            "ListingKey": "NW1",
            "OpenHouseStartTime": "2026-11-21T18:00:00Z",
            "OpenHouseEndTime": "2026-11-21T20:00:00Z",
            "ModificationTimestamp": "2026-11-02T10:00:00.000Z",
        }
    ]

    read(feed)

    assert (feed.state, feed.can_expand) == (Feed.State.OK, False)
    assert set(Media.objects.values_list("listing__listing_key", flat=True)) == {"NW1", "NW2"}
    assert OpenHouse.objects.get().listing.listing_key == "NW1"
    server.asked.clear()
    read(feed)
    assert not any("$expand" in path for path in server.asked)


def test_tokens_of_servers_with_enumerations_are_read(feed: Feed, server: StubReso) -> None:
    server.resources["Property"] = [
        listed(
            1,
            StandardStatus="ActiveUnderContract",
            PropertySubType="SingleFamilyResidence",
            Appliances=["BuiltInRange"],
        )
    ]

    read(feed)

    listing = Listing.objects.get()
    assert (listing.standard_status, listing.property_sub_type) == (
        "Active Under Contract",
        "Single Family Residence",
    )
    assert listing.features["appliances"] == ["Built-In Range"]


def test_what_cannot_be_read_is_told_and_the_rest_comes_in(feed: Feed, server: StubReso) -> None:
    server.resources["Property"] = [
        listed(1, ListPrice=0),
        listed(2, StandardStatus="Teleported"),
        listed(3, PropertySubType="Yurt"),
        {"ModificationTimestamp": "2026-11-02T11:00:00.000Z"},
        listed(4),
    ]

    read(feed)

    run = FeedRun.objects.get()
    assert (feed.state, run.created, run.failed) == (Feed.State.OK, 2, 3)
    assert [(error["row"], error["key"], error["field"]) for error in run.errors] == [
        (1, "NW1", "ListPrice"),
        (2, "NW2", "StandardStatus"),
        (5, "", "ListingKey"),
        (5, "", "StandardStatus"),
    ]
    assert run.unknown == {"PropertySubType": {"Yurt": 1}}


def test_deletes_of_unknown_keys_are_counted(
    feed: Feed, server: StubReso, clock: time_machine.Traveller
) -> None:
    read(feed)
    moment = "2026-11-20T12:01:00.000Z"
    server.resources["Property"] += [
        listed(1, StandardStatus="Delete", ModificationTimestamp=moment),
        listed(50, StandardStatus="Delete", ModificationTimestamp=moment),
    ]
    clock.shift(timedelta(minutes=10))

    read(feed)

    run = FeedRun.objects.latest("pk")
    assert (run.deleted, run.strays, run.failed) == (1, 1, 0)
    assert Listing.objects.get(listing_key="NW1").standard_status == "Delete"
    assert not Listing.objects.filter(listing_key="NW50").exists()


def test_a_key_that_is_named_no_more_is_off_the_market_a_day_later(
    feed: Feed, server: StubReso, clock: time_machine.Traveller
) -> None:
    read(feed)
    lost = server.resources["Property"].pop(3)
    clock.shift(timedelta(hours=24))
    read(feed)
    listing = Listing.objects.get(listing_key="NW3")
    assert (listing.standard_status, listing.missing_since) == ("Active", NOW + timedelta(hours=24))

    clock.shift(timedelta(hours=24))
    read(feed)

    listing.refresh_from_db()
    assert listing.standard_status == "Withdrawn"
    assert StatusChange.objects.get(listing=listing, new="Withdrawn").old == "Active"
    (event,) = Event.objects.filter(kind="listing.changed")
    assert event.data["listings"] == [{"id": listing.pk, "status": ["Active", "Withdrawn"]}]
    server.resources["Property"].append({**lost, "ModificationTimestamp": "2026-11-22T11:59:00.000Z"})
    clock.shift(timedelta(minutes=10))
    read(feed)
    listing.refresh_from_db()
    assert (listing.standard_status, listing.missing_since) == ("Active", None)


def test_a_server_that_suddenly_names_few_takes_nothing_off_the_market(
    feed: Feed, server: StubReso, clock: time_machine.Traveller
) -> None:
    server.resources["Property"] = [listed(n) for n in range(25)]
    read(feed)
    del server.resources["Property"][5:]
    clock.shift(timedelta(hours=24))

    read(feed)

    assert not Listing.objects.exclude(missing_since=None).exists()
    assert FeedRun.objects.latest("pk").error == (
        "The server named only 5 of 25 listings: nothing was taken off the market."
    )


def test_what_was_missed_is_read_again_after_the_nightly_look(
    feed: Feed, server: StubReso, clock: time_machine.Traveller
) -> None:
    read(feed)
    Listing.objects.filter(listing_key="NW0").update(
        modification_timestamp=datetime(2026, 10, 1, tzinfo=UTC), list_price=1
    )
    clock.shift(timedelta(hours=24))
    read(feed)
    assert feed.cursors["Property"] == "2026-11-02T10:00:00+00:00"

    read(feed)

    assert Listing.objects.get(listing_key="NW0").list_price == 525_000


def test_the_daily_quota_is_kept(tenant: Tenant, server: StubReso, clock: Any) -> None:
    feed = feed_of(tenant, server, daily_quota=4)

    read(feed)

    assert len(server.asked) == 4  # offices, agents, two pages
    assert feed.error == "Today's 4 requests are used up. It goes on after midnight UTC."
    assert (feed.state, feed.requests_today) == (Feed.State.NEW, 4)
    assert feed.due_at == datetime(2026, 11, 21, tzinfo=UTC)
    clock.shift(timedelta(hours=12))
    read(feed)
    assert Listing.objects.count() == 7
    assert feed.requests_on is not None
    assert feed.requests_on.isoformat() == "2026-11-21"


def test_a_feed_is_read_by_one_worker_and_not_when_it_is_off(feed: Feed, server: StubReso) -> None:
    Feed.objects.filter(pk=feed.pk).update(due_at=NOW + feeds.LEASE)
    tasks.read_feeds()
    assert services.read_feed(feed_id=feed.pk, now=NOW) is None
    Feed.objects.filter(pk=feed.pk).update(due_at=NOW, state=Feed.State.OFF)
    tasks.read_feeds()
    assert services.read_feed(feed_id=feed.pk, now=NOW) is None
    assert services.read_feed(feed_id=feed.pk + 1, now=NOW) is None
    assert server.asked == []


def test_a_feed_turned_off_while_it_is_read_stays_off(
    feed: Feed, server: StubReso, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = services.store_listings

    def turn_off(**options: Any) -> Any:
        Feed.objects.filter(pk=feed.pk).update(state=Feed.State.OFF)
        return store(**options)

    monkeypatch.setattr(feeds, "store_listings", turn_off)
    read(feed)
    assert (feed.state, Listing.objects.count()) == (Feed.State.OFF, 7)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "The server's answer is no JSON object."),
        ({"records": []}, "The server's answer has no list of records."),
    ],
)
def test_answers_that_are_none_are_said(body: Any, said: str, feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None])
    for _ in range(5):
        server.fail(200, body=body)

    assert read(feed).error == said


def test_what_the_server_says_of_a_bad_request_is_told(feed: Feed, server: StubReso) -> None:
    server.failures.extend([None, None])
    for _ in range(2):
        server.fail(400, body={"error": {"message": "Unknown field  Foo."}})

    assert read(feed).error == "The server refuses the request (400): Unknown field Foo."


def test_a_server_that_is_away_is_said(feed: Feed, server: StubReso) -> None:
    Feed.objects.filter(pk=feed.pk).update(url="http://127.0.0.1:9/odata")
    assert read(feed).error == "The server cannot be reached (ConnectError)."


# Addresses that are not called


@pytest.mark.parametrize(
    "url",
    [
        "http://mls.example.com/odata",
        "ftp://mls.example.com/",
        "https://user:pass@mls.example.com/",
        "https:///odata",
        "https://mls.example.com/#a",
        "https://mls.example.com/ odata",
        "https://mls.example.com:99999/",
    ],
)
def test_odd_addresses_are_not_called(url: str) -> None:
    with httpx.Client() as http, pytest.raises(ResoError, match="not one we call"):
        Server(http, Access(url=url)).look()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0"]
)
def test_our_own_network_is_not_called(host: str) -> None:
    with pytest.raises(Blocked):
        web.public_address(host, 443)
    name = f"[{host}]" if ":" in host else host
    with web.client(may_be_private=False) as http, pytest.raises(ResoError, match="Only public servers"):
        Server(http, Access(url=f"https://{name}/odata")).look()


def test_a_public_address_is_taken_as_it_is() -> None:
    assert web.public_address("8.8.8.8", 443) == "8.8.8.8"
    with pytest.raises(Blocked, match="cannot be found"):
        web.public_address("no-such-host.invalid", 443)
