"""The doors GoHighLevel posts to: signed app webhooks, and workflow webhooks with a tenant's secret."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any

import orjson
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from leads.ghl import signatures
from leads.ghl.payloads.envelope import Envelope, read_envelope
from leads.ghl.payloads.reader import PayloadError, decode
from leads.ghl.payloads.workflow import parse_workflow
from leads.models import WebhookDelivery
from leads.ops import metrics
from leads.ops.logs import current_correlation_id, get_logger
from leads.services import webhooks
from leads.services.webhooks import KnownSecret, NewDelivery

RETRY_SECONDS = 30
OUTAGE_SECONDS = 1.0
FUTURE_SECONDS = 24 * 3600
REQUESTS_A_MINUTE = 3_000

log = get_logger("leads.webhooks")

State = WebhookDelivery.State


class Outage:
    """Remember for a second that the database did not answer, so that a queue of requests need not ask."""

    def __init__(self) -> None:
        self._until = 0.0

    def is_on(self) -> bool:
        """Tell whether the database was seen down just now."""
        return time.monotonic() < self._until

    def start(self) -> None:
        """Begin to answer without asking."""
        self._until = time.monotonic() + OUTAGE_SECONDS

    def end(self) -> None:
        """Ask again."""
        self._until = 0.0


class RateLimit:
    """At most so many requests a minute for each key, counted in this process."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = Lock()
        self._minute = 0
        self._counts: dict[int, int] = {}

    def allows(self, key: int) -> bool:
        """Count a request and tell whether it is within the limit."""
        minute = int(time.monotonic() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._counts.clear()
            self._counts[key] = self._counts.get(key, 0) + 1
            return self._counts[key] <= self.limit

    def clear(self) -> None:
        """Forget every count."""
        self._counts.clear()


outage = Outage()
workflow_limit = RateLimit(REQUESTS_A_MINUTE)
_key_file = lru_cache(maxsize=4)(signatures.KeyFile)


def accepted_keys() -> tuple[signatures.PublicKey, ...]:
    """Return the keys whose signatures open the door now."""
    keys = [key for pem in settings.GHL_WEBHOOK_PUBLIC_KEYS for key in signatures.load_keys(pem)]
    if settings.GHL_ACCEPT_LEGACY_RSA:
        keys.extend(signatures.load_keys(signatures.LEGACY_RSA))
    if settings.DEMO:
        keys.extend(_key_file(settings.SIMULATOR_KEY_FILE).keys())
    return tuple(keys)


@csrf_exempt
def receive_webhook(request: HttpRequest) -> HttpResponse:
    """Accept a signed app webhook: verify, store one row, answer."""
    if request.method != "POST":
        return _not_allowed()
    raw = _read(request)
    if isinstance(raw, HttpResponse):
        return raw
    verdict = signatures.verify(
        raw, request.headers, keys=accepted_keys(), legacy=settings.GHL_ACCEPT_LEGACY_RSA
    )
    if not verdict.valid:
        log.warning("webhook.refused", reason=verdict.reason, scheme=verdict.scheme, bytes=len(raw))
        return _answer(401, "unauthorized")
    try:
        body = decode(raw)
        envelope = read_envelope(body, raw)
    except PayloadError as error:
        log.warning("webhook.malformed", field=error.field, bytes=len(raw))
        return _answer(400, "malformed", f"The body {error.message}.")
    state, reason = _judge(envelope, body, timezone.now())
    return _store(raw, envelope, state, reason)


def _judge(envelope: Envelope, body: dict[str, Any], now: datetime) -> tuple[State, str]:
    """Return the state in which an authentic delivery begins, and why when it ends there."""
    if settings.GHL_APP_ID and envelope.app_id and envelope.app_id != settings.GHL_APP_ID:
        return State.IGNORED, "sent for another app"
    if body.get("payloadTooLarge"):
        return State.QUARANTINED, "GoHighLevel cut the body off at its size limit"
    if envelope.sent_at is not None:
        age = now - envelope.sent_at
        if age > settings.GHL_WEBHOOK_MAX_AGE:
            return State.QUARANTINED, f"sent {age.days} days before it came"
        if age.total_seconds() < -FUTURE_SECONDS:
            return State.QUARANTINED, "sent at a time that has not come yet"
    return State.ACCEPTED, ""


def _store(raw: bytes, envelope: Envelope, state: State, reason: str) -> HttpResponse:
    if outage.is_on():
        return _unavailable()
    try:
        is_new = webhooks.accept(
            delivery=NewDelivery(
                webhook_id=envelope.webhook_id,
                door=WebhookDelivery.Door.APP,
                type=envelope.type,
                location_id=envelope.location_id,
                body=raw.decode("utf-8"),
                sent_at=envelope.sent_at,
                correlation_id=current_correlation_id(),
                tenant_id=webhooks.known_tenants.get(envelope.location_id) if envelope.location_id else None,
                state=state,
                reason=reason,
            )
        )
    except (OperationalError, InterfaceError) as error:
        return _unavailable(error)
    if not is_new:
        return _answer(200, "duplicate")
    return _answer(200, str(state))


@csrf_exempt
def receive_workflow(request: HttpRequest) -> HttpResponse:
    """Accept a workflow webhook for the tenant whose secret it carries."""
    if request.method != "POST":
        return _not_allowed()
    raw = _read(request)
    if isinstance(raw, HttpResponse):
        return raw
    if outage.is_on():
        return _unavailable()
    try:
        secret = _secret_of(request)
        if secret is None:
            log.warning("workflow.refused", bytes=len(raw))
            return _answer(401, "unauthorized")
        if not workflow_limit.allows(secret.secret_id):
            answer = _answer(429, "too many requests", f"At most {workflow_limit.limit} a minute.")
            answer["Retry-After"] = "60"
            return answer
        return _store_workflow(raw, secret)
    except (OperationalError, InterfaceError) as error:
        return _unavailable(error)


def _secret_of(request: HttpRequest) -> KnownSecret | None:
    """Return the valid secret of the request; the digest is what is compared and looked up."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() != "bearer" or not value:
        return None
    return webhooks.known_secrets.get(webhooks.digest_secret(value))


def _store_workflow(raw: bytes, secret: KnownSecret) -> HttpResponse:
    try:
        body = decode(raw)
        payload = parse_workflow(body, time_zone=secret.time_zone)
    except PayloadError as error:
        log.warning("workflow.malformed", tenant=secret.tenant_id, field=error.field)
        return _answer(400, "malformed", f"{error.field} {error.message}.")
    now = timezone.now()
    if payload.key:
        known = _digest(secret.tenant_id, payload.event, payload.contact.contact_id, payload.key)
        repeats = [known]
    else:
        window = int(now.timestamp() // (60 * webhooks.REPEAT_MINUTES))
        digest = _digest(secret.secret_id, hashlib.sha256(raw).hexdigest())
        repeats = [f"{digest}-{window}", f"{digest}-{window - 1}"]
    if len(repeats) > 1 and webhooks.was_accepted_lately(webhook_ids=repeats):
        return _answer(200, "duplicate")
    is_new = webhooks.accept(
        delivery=NewDelivery(
            webhook_id=repeats[0],
            door=WebhookDelivery.Door.WORKFLOW,
            type=payload.event,
            location_id=secret.location_id,
            body=raw.decode("utf-8"),
            sent_at=None,
            correlation_id=current_correlation_id(),
            tenant_id=secret.tenant_id,
        )
    )
    return _answer(200, "accepted" if is_new else "duplicate")


def _digest(*parts: object) -> str:
    joined = "\x1f".join(str(part) for part in parts)
    return "workflow:" + hashlib.sha256(joined.encode()).hexdigest()[:48]


def _read(request: HttpRequest) -> bytes | HttpResponse:
    """Return the raw body, or the answer to one that is too large or broke off."""
    limit = settings.GHL_WEBHOOK_MAX_BYTES
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return _answer(400, "malformed")
    if length > limit:
        return _answer(413, "too large", "At most 256 KB.")
    try:
        raw = request.body
    except (UnreadablePostError, RawPostDataException):
        return _answer(400, "malformed")
    return raw if len(raw) <= limit else _answer(413, "too large", "At most 256 KB.")


def _answer(status: int, word: str, detail: str = "") -> HttpResponse:
    content = {"status": word, "detail": detail} if detail else {"status": word}
    if status >= 400:
        metrics.REFUSALS.labels(reason=word).inc()
    return HttpResponse(orjson.dumps(content), status=status, content_type="application/json")


def _not_allowed() -> HttpResponse:
    answer = _answer(405, "post only")
    answer["Allow"] = "POST"
    return answer


def _unavailable(error: DatabaseError | None = None) -> HttpResponse:
    """Ask GHL to send again later: nothing was stored."""
    if error is not None:
        outage.start()
        log.error("webhook.database_down", error_type=type(error).__name__)
    answer = _answer(503, "try again")
    answer["Retry-After"] = str(RETRY_SECONDS)
    return answer
