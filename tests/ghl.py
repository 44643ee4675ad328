"""What the tests of the GHL door share: a key of their own, signed posts, ingestion of what was accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from leads.ghl import signatures, webhooks
from leads.models import Event, WebhookDelivery
from leads.ops.logs import correlated
from leads.services import webhooks as service
from leads.services.ingest import ingest

factory = RequestFactory()


@lru_cache(maxsize=1)
def key() -> Ed25519PrivateKey:
    """Return the key that signs for the tests."""
    return Ed25519PrivateKey.from_private_bytes(b"hearthline tests sign with this!")


def public_pem() -> str:
    """Return the half of it that goes into GHL_WEBHOOK_PUBLIC_KEYS."""
    public = key().public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def open_door(settings: Settings) -> None:
    """Let the tests' key in, and forget what the door remembers of other tests."""
    settings.GHL_WEBHOOK_PUBLIC_KEYS = [public_pem()]
    service.known_tenants.clear()
    service.known_secrets.clear()
    webhooks.workflow_limit.clear()
    webhooks.outage.end()


@contextmanager
def database_down() -> Iterator[list[str]]:
    """Let every statement fail as when PostgreSQL stops; gives the statements that were tried."""
    tried: list[str] = []

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        tried.append(sql)
        raise OperationalError("the database system is shutting down")

    with connection.execute_wrapper(refuse):
        yield tried


def encode(body: object) -> bytes:
    """Return a body as GHL writes it: no blanks, text as UTF-8."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def post(body: object, **headers: str) -> HttpResponse:
    """Post a body (or raw bytes) to the door, signed unless a signature is given."""
    raw = body if isinstance(body, bytes) else encode(body)
    headers.setdefault("X-GHL-Signature", signatures.sign(raw, key()))
    request = factory.post("/webhooks/ghl/", raw, content_type="application/json", headers=headers)
    with correlated():  # as the middleware does
        return webhooks.receive_webhook(request)


def post_workflow(body: object, secret: str) -> HttpResponse:
    """Post a body to the workflow door with a secret."""
    raw = body if isinstance(body, bytes) else encode(body)
    headers = {"Authorization": f"Bearer {secret}"}
    request = factory.post("/webhooks/ghl/workflow/", raw, content_type="application/json", headers=headers)
    with correlated():
        return webhooks.receive_workflow(request)


def work() -> int:
    """Ingest everything that waits, as the worker would."""
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.ACCEPTED).order_by("pk")
    return ingest(delivery_ids=list(waiting.values_list("pk", flat=True)))


def deliver(*bodies: dict[str, Any]) -> list[WebhookDelivery]:
    """Post bodies, ingest them, and return their deliveries."""
    before = WebhookDelivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for body in bodies:
        assert post(body).status_code == 200
    work()
    return list(WebhookDelivery.objects.filter(pk__gt=before).order_by("pk"))


def kinds() -> list[str]:
    """Return the kinds of all events in the order they were recorded."""
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))
