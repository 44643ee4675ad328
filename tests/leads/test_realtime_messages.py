from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from leads.realtime.groups import audiences_of
from leads.realtime.messages import (
    Message,
    Shown,
    Wants,
    frames,
    opening,
    personal_numbers,
    stamp,
    wanted,
    without_superseded,
)

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
TEAM = audiences_of("agent", 5)
BUYER = audiences_of("buyer", 6)


def message(
    number: int,
    type: str = "score_update",
    lead_id: int | None = None,
    audience: str = "team",
    score: float | None = None,
) -> Message:
    text = opening(number=number, type=type, location_id="loc1", at=NOON, event_at=NOON, data='{"a": 1}')
    html = f'{{"lead-{lead_id or 1}": "<tr>"}}'
    return Message(1, number, type, audience, lead_id, NOON, NOON, text, html, score)


def numbers(messages: list[Message]) -> list[int]:
    return [each.number for each in messages]


def test_a_message_is_valid_json_with_or_without_html() -> None:
    told = {
        "id": 3,
        "type": "alert",
        "tenant": "loc1",
        "at": "2026-11-02T12:00:00.000Z",
        "event_at": "2026-11-02T12:00:00.000Z",
        "data": {"a": 1},
    }
    assert json.loads(message(3, "alert").text(with_html=False)) == told
    assert json.loads(message(3, "alert").text(with_html=True)) == told | {"html": {"lead-1": "<tr>"}}


def test_moments_are_told_in_utc() -> None:
    assert stamp(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-02T12:00:00.000Z"


def test_only_subscribed_topics_are_wanted() -> None:
    read = [message(1), message(2, "alert"), message(3, "listing_update")]

    assert numbers(wanted(read, Wants(frozenset({"alerts", "listings"})), TEAM)) == [2, 3]


def test_each_role_gets_its_own() -> None:
    read = [message(1), message(2, audience="user:6"), message(3, audience="user:5")]

    assert numbers(wanted(read, Wants(), TEAM)) == [1, 3]
    assert numbers(wanted(read, Wants(), BUYER)) == [2]
    assert personal_numbers(read, TEAM) == (3,)
    assert personal_numbers(read, BUYER) == (2,)


def test_the_newest_score_of_a_lead_stands_for_those_before() -> None:
    read = [
        message(1, lead_id=1),
        message(2, lead_id=2),
        message(3, "alert", 1),
        message(4, lead_id=1),
        message(5),
    ]

    assert numbers(without_superseded(read)) == [2, 3, 4, 5]


def test_a_reader_without_batches_gets_one_message_per_frame() -> None:
    made = frames([message(1, lead_id=1), message(2, lead_id=1)], Wants(batch=False))

    assert [json.loads(frame)["id"] for frame in made] == [1, 2]


def test_a_reader_of_batches_gets_lists_of_at_most_200() -> None:
    made = frames([message(n) for n in range(450)], Wants(batch=True))

    assert [len(json.loads(frame)) for frame in made] == [200, 200, 50]
    assert frames([], Wants(batch=True)) == []


def with_html(shown: Shown) -> list[int]:
    """Return the numbers of the messages that carry their fragment to a page that shows this."""
    read = [
        message(1, lead_id=1, score=40.0),
        message(2, lead_id=2, score=70.0),
        message(3, lead_id=3, score=90.0),
        message(4, "alert", lead_id=4),
    ]
    (frame,) = frames(read, Wants(html=True, batch=True, shown=shown))
    return [told["id"] for told in json.loads(frame) if "html" in told]


def test_a_page_gets_the_fragments_it_has_a_place_for_and_those_of_alerts() -> None:
    assert with_html(Shown()) == [4]
    assert with_html(Shown(frozenset({"lead-1", "lead-4"}))) == [1, 4]
    assert with_html(Shown(frozenset({"lead-1"}), from_score=70.0)) == [1, 2, 3, 4]
    assert with_html(Shown(from_score=-1)) == [1, 2, 3, 4]
