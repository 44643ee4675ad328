"""Marked names, phones and words go in at every door; none may come out where nobody should look."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import quote

import pytest
import redis
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from config.celery import app
from leads.bus.step import drain
from leads.ghl import signatures
from leads.models import DeadLetter, Event, Lead, LiveMessage, Role, Tenant, User, WebhookDelivery
from leads.ops import logs, metrics
from leads.redis import circuit
from leads.services.webhooks import rotate_workflow_secret
from leads.views import dashboard
from tests import ghl
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

NAME, SURNAME = "Zanzibarquist", "Mirandolinus"
MAIL = "zz.marked@privacy-check.example"
PHONE = "+12065550147"
WORDS = "xylophonesecret pianoforte"
MARKS = (
    "zanzibarquist",
    "mirandolinus",
    "zz.marked",
    "privacy-check",
    "5550147",
    "555-0147",
    "555 0147",
    "xylophonesecret",
    "pianoforte",
)


def marks_in(text: str) -> list[str]:
    """Return the marks a text holds, as they are or encoded for an address."""
    folded = text.lower()
    found = [mark for mark in MARKS if mark in folded or quote(mark) in folded]
    encoded = base64.b64encode(MAIL.encode()).decode()[:-4].lower()
    return found + ([encoded] if encoded in folded else [])


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process logs, at the level of a curious operator."""
    root = logging.getLogger()
    handler = next(each for each in root.handlers if each.get_name() == logs.HANDLER)
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    before, level = handler.setStream(stream), root.level
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    if before is not None:
        handler.setStream(before)


@pytest.fixture(autouse=True)
def _open_door(settings: Settings, redis_client: redis.Redis) -> None:
    app.loader.import_default_modules()  # every task that hears the bus
    ghl.open_door(settings)
    circuit.reset()


def everything_in(client: redis.Redis) -> str:
    """Return every key and value Redis holds."""
    readers: dict[Any, Any] = {
        b"string": client.get,
        b"stream": client.xrange,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return "\n".join(f"{key!r} {readers[client.type(key)](key)!r}" for key in client.scan_iter(count=1000))


def contact(tenant: Tenant, number: str, **facts: Any) -> dict[str, Any]:
    return {
        "type": "ContactCreate",
        "locationId": tenant.location_id,
        "webhookId": f"marked-{number}",
        "timestamp": timezone.now().isoformat(),
        "id": "markedcontact0000001",
        "firstName": NAME,
        "lastName": SURNAME,
        "email": MAIL,
        "phone": PHONE,
        "tags": [WORDS],
        **facts,
    }


def message(tenant: Tenant, number: str, text: str = WORDS, **facts: Any) -> dict[str, Any]:
    return {
        "type": "InboundMessage",
        "locationId": tenant.location_id,
        "webhookId": f"marked-{number}",
        "timestamp": timezone.now().isoformat(),
        "contactId": "markedcontact0000001",
        "conversationId": "markedconversation01",
        "messageId": f"markedmessage{number}",
        "messageType": "SMS",
        "direction": "inbound",
        "body": f"{text}. We are pre-approved, can we see it Saturday? Call {PHONE} or {MAIL}",
        "dateAdded": timezone.now().isoformat(),
        **facts,
    }


def all_doors(tenant: Tenant) -> list[HttpResponse]:
    """Post good and bad bodies to both doors and return the answers."""
    secret = rotate_workflow_secret(tenant=tenant)
    good = ghl.encode(contact(tenant, "good"))
    forged = signatures.sign(b"something else", ghl.key())
    return [
        ghl.post(good),
        ghl.post(good),
        ghl.post(message(tenant, "talk")),
        ghl.post(
            contact(tenant, "wrong-types", firstName=[NAME], email={"x": MAIL}, phone=5550147, tags=WORDS)
        ),
        ghl.post(contact(tenant, "unknown-type", type=f"{NAME}{SURNAME}")),
        ghl.post(contact(tenant, "unknown-tenant", locationId="locationnobodyserves")),
        ghl.post(message(tenant, "no-contact", contactId=None)),
        ghl.post(contact(tenant, "stale", timestamp="2020-01-01T00:00:00Z")),
        ghl.post(contact(tenant, "bad-time", timestamp=WORDS, dateAdded=NAME)),
        ghl.post(good, **{"X-GHL-Signature": forged}),
        ghl.post(good, **{"X-GHL-Signature": f"{NAME} {MAIL}"}),
        ghl.post(f'{{"type": "{NAME}", "webhookId": "{MAIL}"'.encode()),
        ghl.post(f'["{NAME}", "{MAIL}"]'.encode()),
        ghl.post(b'{"type":"ContactCreate","firstName":"' + NAME.encode() * 30_000 + b'"}'),
        ghl.post_workflow(
            {"contact_id": "markedcontact0000001", "first_name": NAME, "message": WORDS}, secret
        ),
        ghl.post_workflow({"email": MAIL, "phone": PHONE, "full_name": f"{NAME} {SURNAME}"}, secret),
        ghl.post_workflow({"email": MAIL}, f"{NAME}-{MAIL}"),
        ghl.post_workflow(f"{NAME} {MAIL}".encode(), secret),
    ]


def test_nothing_said_at_the_webhook_doors_shows_in_logs_streams_metrics_or_answers(
    tenant: Tenant, agent: User, redis_client: redis.Redis, written: io.StringIO
) -> None:
    answers = all_doors(tenant)
    before = everything_in(redis_client)
    drain()

    assert Event.objects.filter(lead__isnull=False).count() >= 3
    assert Lead.objects.get(contact_id="markedcontact0000001").score is not None
    assert LiveMessage.objects.exists()
    assert marks_in("".join(answer.content.decode() for answer in answers)) == []
    assert marks_in(written.getvalue()) == []
    assert marks_in(before + everything_in(redis_client)) == []
    assert marks_in(metrics.exposition().decode()) == []
    assert marks_in(repr(list(DeadLetter.objects.values_list("error", flat=True)))) == []
    assert marks_in(repr(list(WebhookDelivery.objects.values_list("reason", flat=True)))) == []


def test_a_batch_that_fails_on_a_persons_data_is_told_without_it(
    tenant: Tenant, written: io.StringIO, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> NoReturn:
        raise IntegrityError(f"duplicate key\nDETAIL:  Key (email)=({MAIL}) already exists for {NAME}.")

    monkeypatch.setattr("leads.services.ingest.parse", fail)
    ghl.post(contact(tenant, "poison"))
    drain()

    assert marks_in(written.getvalue()) == []
    assert marks_in(everything_in(redis_client)) == []
    assert marks_in(repr(list(WebhookDelivery.objects.values_list("reason", "state")))) == []
    assert marks_in(repr(list(DeadLetter.objects.values_list("error", flat=True)))) == []


def test_nothing_typed_into_pages_shows_in_logs(
    tenant: Tenant,
    broker: User,
    broker_client: Client,
    client: Client,
    redis_client: redis.Redis,
    written: io.StringIO,
) -> None:
    person = {"first_name": NAME, "last_name": SURNAME, "email": MAIL, "phone": PHONE}
    broker_client.post(reverse("leads:lead-new"), person)
    broker_client.post(reverse("leads:lead-new"), person | {"email": f"{NAME} not mail", "phone": f"{MAIL}"})
    lead = Lead.objects.for_tenant(tenant).order_by("pk").last()
    assert lead is not None
    broker_client.post(reverse("leads:lead-note", args=[lead.pk]), {"text": f"{WORDS} {PHONE}"})
    broker_client.get(reverse("leads:search"), {"q": NAME})
    broker_client.get(reverse("leads:lead-list"), {"q": MAIL, "tier": NAME, "page": WORDS})
    broker_client.post(reverse("leads:team"), {"email": MAIL, "role": Role.AGENT})
    broker_client.get(f"/agent/leads/{NAME}/")
    broker_client.get(f"/{quote(WORDS)}/", {"email": MAIL})
    broker_client.get("/agent/leads/999999999/", {"name": NAME})
    for _ in range(2):
        client.post(reverse("leads:login"), {"username": MAIL, "password": WORDS})
    client.post(reverse("leads:password-reset"), {"email": MAIL})
    client.get(f"/accounts/invite/{NAME}{SURNAME}/")
    client.post(f"/webhooks/{NAME}/", {"name": NAME})
    client.get("/agent/", headers={"Host": f"{NAME}.example"}, query_params={"q": MAIL})
    strict = Client(enforce_csrf_checks=True)
    strict.post(
        reverse("leads:login"),
        {"username": MAIL, "password": WORDS},
        headers={"Referer": f"http://x/?{MAIL}"},
    )
    drain()

    assert Lead.objects.filter(tenant=tenant, email=MAIL).count() == 1
    assert '"status":404' in written.getvalue()
    assert marks_in(written.getvalue()) == []
    assert marks_in(everything_in(redis_client)) == []
    assert marks_in(metrics.exposition().decode()) == []


def test_nothing_sent_to_the_api_shows_in_logs(
    tenant: Tenant, client: Client, redis_client: redis.Redis, written: io.StringIO
) -> None:
    user = UserFactory(email=MAIL, name=f"{NAME} {SURNAME}")
    MembershipFactory(user=user, tenant=tenant, role=Role.BROKER)

    def send(method: str, path: str, body: object = None, **more: Any) -> Any:
        call = getattr(client, method)
        if body is None:
            return call(path, **more)
        return call(path, json.dumps(body), content_type="application/json", **more)

    credentials = {"email": MAIL, "password": "correct horse battery"}
    wrong = send("post", "/api/v1/auth/token/", credentials | {"password": WORDS})
    token = send("post", "/api/v1/auth/token/", credentials).json()["access"]
    entered = {"headers": {"Authorization": f"Bearer {token}"}}
    person = {"first_name": NAME, "last_name": SURNAME, "email": MAIL, "phone": PHONE}
    made = send("post", "/api/v1/leads/", person, **entered)
    assert made.status_code == 201
    refused = [
        wrong,
        send("post", "/api/v1/leads/", person | {"phone": WORDS, "email": NAME}, **entered),
        send("post", "/api/v1/leads/", [NAME], **entered),
        client.post("/api/v1/leads/", f"{{{NAME}", content_type="application/json", **entered),  # type: ignore[arg-type]
        client.post("/api/v1/leads/", {"name": NAME}, **entered),  # type: ignore[arg-type]
        send("get", f"/api/v1/leads/?tier={NAME}&ordering={WORDS.split()[0]}", **entered),
        send("get", f"/api/v1/leads/{NAME}/", **entered),
        send("get", f"/api/v1/{NAME}/?q={MAIL}", **entered),
        send("get", "/api/v1/leads/", headers={"Authorization": f"Bearer {NAME}"}),
        send("get", "/api/v1/leads/", headers={"Authorization": f"Api-Key {NAME}.{MAIL}"}),
    ]
    lead_id = made.json()["id"]
    event = {
        "kind": "message.received",
        "data": {"text": f"{WORDS} {PHONE}"},
        "occurred_at": timezone.now().isoformat(),
    }
    send("post", f"/api/v1/leads/{lead_id}/events/", event, **entered)
    send("post", f"/api/v1/leads/{lead_id}/events/", event | {"kind": NAME}, **entered)
    send("patch", f"/api/v1/leads/{lead_id}/", {"first_name": NAME, "phone": NAME}, **entered)
    drain()

    assert {answer.status_code for answer in refused} <= {400, 401, 403, 404, 415, 200}
    assert all(answer.status_code < 500 for answer in refused)
    assert marks_in(written.getvalue()) == []
    assert marks_in(everything_in(redis_client)) == []


def test_an_error_page_and_its_log_line_say_nothing_of_who_it_was_about(
    broker: User, broker_client: Client, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> NoReturn:
        raise ValueError(f"{NAME} {SURNAME} <{MAIL}> said {WORDS}")

    monkeypatch.setattr(dashboard, "last_live_number", fail)
    broker_client.raise_request_exception = False

    answer = broker_client.get("/agent/", {"q": MAIL, "name": NAME}, headers={"X-Name": NAME})

    assert answer.status_code == 500
    assert marks_in(answer.content.decode()) == []
    line = next(
        line for line in map(json.loads, written.getvalue().splitlines()) if line.get("status") == 500
    )
    assert line["error"]["class"] == "builtins.ValueError"
    assert line["correlation_id"] in answer.content.decode()
    assert marks_in(written.getvalue()) == []


def test_pages_of_what_was_refused_repeat_nothing(broker_client: Client, buyer_client: Client) -> None:
    broker_client.raise_request_exception = False
    missing = broker_client.get(f"/{NAME}/", {"q": MAIL})
    forbidden = buyer_client.get("/agent/", {"q": MAIL, "name": NAME})

    assert (missing.status_code, forbidden.status_code) == (404, 403)
    assert marks_in(missing.content.decode() + forbidden.content.decode()) == []


def test_marks_are_found_where_they_are(rf: RequestFactory) -> None:
    assert marks_in(f"Hello {NAME}, {quote(MAIL)}") == ["zanzibarquist", "zz.marked", "privacy-check"]
    assert marks_in("call 206 555 0147") == ["555 0147"]
