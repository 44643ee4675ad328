from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leads.fields import parse_email, parse_phone
from leads.ghl import signatures
from leads.ghl.payloads import Ignored, parse
from leads.ghl.payloads.workflow import parse_workflow
from leads.ghl.simulator import Person, Traffic, make_people, tell_story
from leads.ghl.simulator.sender import DoorError, Letter, Sender, deliver, drive, percentile
from leads.ghl.simulator.wire import Post, enveloped, webhook_id
from leads.ml.text import read_message

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def people(count: int = 200, seed: int = 7) -> list[Person]:
    return make_people(seed=seed, location_id="L", count=count, now=NOW, state="WA", agents=("u1", "u2"))


def story(person: Person) -> list[Post]:
    return tell_story(person, location_id="L", brokerage="Hearth Realty", now=NOW)


def test_same_seed_makes_the_same_people_and_stories() -> None:
    first, second = people(40), people(40)

    assert first == second
    assert [story(each) for each in first] == [story(each) for each in second]
    assert people(40, seed=8) != first


def test_people_are_well_formed_and_unlike_each_other() -> None:
    everyone = people(400)

    assert len({each.contact_id for each in everyone}) == 400
    assert len({each.email for each in everyone}) == 400
    assert len({each.phone for each in everyone}) == 400
    assert all(parse_phone(each.phone) == each.phone for each in everyone)
    assert all(parse_email(each.email) == each.email for each in everyone)
    assert {each.segment for each in everyone} == {
        "first_time_buyer",
        "move_up",
        "seller",
        "downsizer",
        "relocation",
        "investor",
        "luxury",
    }
    assert 0.08 < sum(each.language == "es" for each in everyone) / 400 < 0.3


def test_stories_are_in_order_and_end_now() -> None:
    for person in people(60):
        moments = [post.at for post in story(person)]
        assert moments == sorted(moments)
        assert person.created_at <= moments[0]
        assert moments[-1] <= NOW


def test_last_years_stories_have_ended_and_seriousness_is_no_promise() -> None:
    past = make_people(seed=7, location_id="L", count=300, now=NOW, state="WA", agents=("u1",), past=True)
    ended = {
        each.contact_id: next(
            (
                post.body["status"]
                for post in story(each)
                if post.body.get("type") == "OpportunityStatusUpdate"
            ),
            "",
        )
        for each in past
    }
    won = Counter(each.intent for each in past if ended[each.contact_id] == "won")
    everyone = Counter(each.intent for each in past)

    assert all(timedelta(days=100) <= NOW - each.created_at < timedelta(days=481) for each in past)
    assert not {each.contact_id for each in past} & {each.contact_id for each in people(400)}
    assert set(ended.values()) == {"", "won", "lost", "abandoned"}
    assert won["ready"] / everyone["ready"] > won["active"] / everyone["active"] > 0.05
    assert won["browsing"] > 0
    assert won["ready"] < everyone["ready"]


def test_every_webhook_of_a_story_means_something() -> None:
    for person in people(60):
        for post in story(person):
            if post.is_workflow:
                assert parse_workflow(post.body).kind is not None
            else:
                assert not isinstance(parse(post.body), Ignored)


def test_behaviour_differs_by_intent() -> None:
    said: Counter[str] = Counter()
    showed: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for person in people(400):
        count[person.intent] += 1
        for post in story(person):
            if post.body.get("type") == "InboundMessage" and post.body.get("body"):
                said[person.intent] += 1
                signals = read_message(str(post.body["body"]), now=post.at)
                ready[person.intent] += bool(signals.buying)
            showed[person.intent] += post.body.get("appointment", {}).get("appointmentStatus") == "showed"

    per_person = {intent: said[intent] / count[intent] for intent in count}
    assert per_person["ready"] > 2 * per_person["browsing"] > 4 * per_person["cold"]
    assert per_person["ready"] > per_person["active"] > per_person["browsing"]
    assert showed["ready"] / count["ready"] > 5 * (showed["browsing"] + 1) / count["browsing"]
    assert ready["ready"] / count["ready"] > 1 > ready["cold"] / count["cold"]


def test_change_of_an_opportunity_is_announced_twice_as_ghl_does() -> None:
    types: Counter[str] = Counter()
    for person in people(120):
        types.update(post.body.get("type", "") for post in story(person))

    special = types["OpportunityCreate"] + types["OpportunityStageUpdate"] + types["OpportunityStatusUpdate"]
    assert types["OpportunityUpdate"] == special > 10


def test_traffic_is_seeded_and_understood() -> None:
    def bodies(seed: int) -> list[dict[str, Any]]:
        clock = (NOW + timedelta(seconds=n) for n in range(200))
        traffic = Traffic(seed=seed, location_id="L", people=people(30), brokerage="Hearth Realty")
        return [body for _, body in traffic.bodies(clock)]

    assert bodies(1) == bodies(1) != bodies(2)
    assert not any(isinstance(parse(body), Ignored) for body in bodies(1))
    assert len({body["type"] for body in bodies(1)}) >= 7


def test_envelope_is_flat_and_its_id_follows_the_name() -> None:
    body = enveloped({"type": "ContactCreate"}, app_id="app", sent_at=NOW, name="a/1")

    assert body == {
        "type": "ContactCreate",
        "appId": "app",
        "versionId": "app",
        "timestamp": "2026-11-20T15:00:00.000Z",
        "webhookId": webhook_id("a/1"),
    }
    assert webhook_id("a/1") != webhook_id("a/2")


# Posting


class _Door(HTTPServer):
    """A door that keeps what it is given and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answers: list[int] = []
        self.raw: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Door

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.raw.append(raw)
        self.server.bodies.append(json.loads(raw))
        self.server.headers.append(dict(self.headers))
        self.server.paths.append(self.path)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[_Door]:
    server = _Door()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _url(door: _Door) -> str:
    return f"http://127.0.0.1:{door.server_port}"


def test_sender_signs_what_it_posts(door: _Door) -> None:
    key = Ed25519PrivateKey.generate()
    sender = Sender(_url(door), key)

    status = sender.send(Letter({"type": "NoteCreate"}, "n/1"))
    sender.send(Letter({"event": "FormSubmitted"}, "n/2", secret="s3cret"))
    sender.close()

    assert status == 200
    assert door.paths == ["/webhooks/ghl/", "/webhooks/ghl/workflow/"]
    headers = {"X-GHL-Signature": door.headers[0]["X-GHL-Signature"]}
    assert signatures.verify(door.raw[0], headers, keys=(key.public_key(),)).valid
    assert door.headers[1]["Authorization"] == "Bearer s3cret"


def test_one_persons_webhooks_keep_their_order(door: _Door) -> None:
    letters = [(n % 3, Letter({"lane": n % 3, "n": n}, f"o/{n}")) for n in range(30)]

    count = deliver(iter(letters), url=_url(door), key=Ed25519PrivateKey.generate(), threads=1)

    assert count == 30
    assert [body["n"] for body in door.bodies] == list(range(30))


def test_delivery_insists_on_a_temporary_refusal_and_gives_up_on_a_final_one(
    door: _Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.ghl.simulator.sender.PAUSE", 0.0)
    key = Ed25519PrivateKey.generate()
    door.answers = [503, 503, 200]

    assert deliver([(0, Letter({}, "a"))], url=_url(door), key=key) == 1
    door.answers = [401]
    with pytest.raises(DoorError, match="did not take a webhook: answer 401"):
        deliver([(0, Letter({}, "b"))], url=_url(door), key=key)


def test_door_that_is_not_there_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads.ghl.simulator.sender.PATIENCE", 0.0)
    monkeypatch.setattr("leads.ghl.simulator.sender.PAUSE", 0.0)

    with pytest.raises(DoorError, match="ConnectionRefusedError"):
        deliver([(0, Letter({}, "a"))], url="http://127.0.0.1:9", key=Ed25519PrivateKey.generate())


def test_open_loop_posts_at_the_rate_it_is_given(door: _Door) -> None:
    letters = (Letter({"n": n}, f"r/{n}") for n in range(1_000))
    came: list[float] = []

    tally = drive(
        letters,
        url=_url(door),
        key=Ed25519PrivateKey.generate(),
        rate=200,
        seconds=0.2,
        threads=2,
        on_accepted=lambda letter, at: came.append(at),
    )

    assert (tally.accepted, len(tally.seconds), len(came)) == (40, 40, 40)
    assert tally.ended - tally.began >= 0.19


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]

    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([3.0], 0.01) == 3.0
    assert str(percentile([], 0.5)) == "nan"


def test_story_is_not_endless() -> None:
    assert max(len(story(person)) for person in islice(people(100), 100)) < 200
