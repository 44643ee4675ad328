from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from pytest_django import Settings

from leads.ghl import signatures
from leads.ghl import webhooks as door
from leads.models import Tenant, WebhookDelivery, WorkflowSecret
from leads.services import webhooks
from tests import ghl
from tests.conftest import Freeze

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BODY = {
    "type": "InboundMessage",
    "locationId": "loc-1",
    "webhookId": "7c9a2f4e-0000-4000-8000-000000000001",
    "timestamp": "2026-11-20T14:59:58.000Z",
    "contactId": "contact-1",
    "messageType": "SMS",
    "body": "Hi",
}


@pytest.fixture(autouse=True)
def _door(settings: Settings, freeze: Freeze, db: None) -> None:
    ghl.open_door(settings)
    freeze(NOW)


def told(answer: object) -> str:
    return str(json.loads(answer.content)["status"])  # type: ignore[attr-defined]


def test_signed_webhook_is_stored_once_and_answered_200() -> None:
    first, second = ghl.post(BODY), ghl.post(BODY)

    delivery = WebhookDelivery.objects.get()
    assert (first.status_code, told(first)) == (200, "accepted")
    assert (second.status_code, told(second)) == (200, "duplicate")
    assert (delivery.webhook_id, delivery.type, delivery.location_id) == (
        BODY["webhookId"],
        "InboundMessage",
        "loc-1",
    )
    assert delivery.body == ghl.encode(BODY).decode()
    assert delivery.sent_at == datetime(2026, 11, 20, 14, 59, 58, tzinfo=UTC)
    assert delivery.state == "accepted"


@pytest.mark.parametrize("signature", ["", "N/A", "AAAA", "%%%", "A" * 88])
def test_wrong_signature_is_refused_and_nothing_is_kept(signature: str) -> None:
    answer = ghl.post(BODY, **{"X-GHL-Signature": signature})

    assert answer.status_code == 401
    assert len(answer.content) < 40
    assert not WebhookDelivery.objects.exists()


def test_signature_of_another_key_or_body_is_refused() -> None:
    other = signatures.sign(ghl.encode(BODY), Ed25519PrivateKey.generate())
    moved = signatures.sign(ghl.encode({**BODY, "locationId": "loc-2"}), ghl.key())

    assert ghl.post(BODY, **{"X-GHL-Signature": other}).status_code == 401
    assert ghl.post(BODY, **{"X-GHL-Signature": moved}).status_code == 401
    assert not WebhookDelivery.objects.exists()


def test_legacy_header_alone_is_refused() -> None:
    answer = ghl.post(BODY, **{"X-GHL-Signature": "N/A", "X-WH-Signature": "AAAA"})

    assert answer.status_code == 401


def test_simulator_key_opens_the_door_only_while_the_demo_runs(settings: Settings, tmp_path: Path) -> None:
    public = tmp_path / "simulator.pem"
    simulator = signatures.make_simulator_key(public)
    header = {"X-GHL-Signature": signatures.sign(ghl.encode(BODY), simulator)}

    settings.SIMULATOR_KEY_FILE = public
    settings.DEMO = False
    refused = ghl.post(BODY, **header)
    settings.DEMO = True
    accepted = ghl.post(BODY, **header)

    assert (refused.status_code, accepted.status_code) == (401, 200)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"type":',
        b"\xff\xfe{}",
        b'{"type":"ContactCreate"}\x00',
        b'{"type":NaN}',
        b"[" * 50_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b"{}",
        b'{"type":null,"webhookId":null}',
        b'{"type":7,"webhookId":["x"]}',
        b'{"type":"\\u0000"}',
    ],
)
def test_signed_nonsense_is_answered_400(raw: bytes) -> None:
    answer = ghl.post(raw)

    assert answer.status_code == 400
    assert not WebhookDelivery.objects.exists()


def test_oddities_of_json_are_taken_as_they_come() -> None:
    odd = [
        b'{"type":"X","webhookId":"1","a":"\\ud83d"}',
        b'{"type":"X","webhookId":"2","a":"\\u0000"}',
        b'{"type":"X","webhookId":"3","webhookId":"4"}',
        b'{"type":"X","webhookId":"5","n":123456789012345678901234567890}',
        b' \n{"type":"X","webhookId":"6"}\n ',
        b'{"type":"X","timestamp":"never"}',
        b'{"type":"X","webhookId":"8","timestamp":1e400}',
    ]

    answers = [ghl.post(raw).status_code for raw in odd]

    assert answers == [200] * len(odd)
    ids = WebhookDelivery.objects.order_by("pk").values_list("webhook_id", flat=True)
    assert [name for name in ids if len(name) < 10] == ["1", "2", "4", "5", "6", "8"]


def test_body_without_an_id_is_known_by_its_bytes() -> None:
    body = {name: value for name, value in BODY.items() if name != "webhookId"}

    answers = [told(ghl.post(each)) for each in (body, body, {**body, "body": "Hello"})]

    assert answers == ["accepted", "duplicate", "accepted"]
    assert all(each.webhook_id.startswith("sha256:") for each in WebhookDelivery.objects.all())


def test_overlong_id_and_type_are_kept_within_their_columns() -> None:
    answer = ghl.post({**BODY, "webhookId": "x" * 5_000, "type": "T" * 5_000, "locationId": "l" * 5_000})

    delivery = WebhookDelivery.objects.get()
    assert answer.status_code == 200
    assert (len(delivery.webhook_id), len(delivery.type), len(delivery.location_id)) == (71, 60, 64)


def test_body_over_the_cap_is_answered_413_unread(settings: Settings) -> None:
    fits = {**BODY, "body": "a" * (settings.GHL_WEBHOOK_MAX_BYTES - len(ghl.encode({**BODY, "body": ""})))}
    large = {**BODY, "body": fits["body"] + "a"}

    assert ghl.post(large).status_code == 413
    assert not WebhookDelivery.objects.exists()
    assert ghl.post(fits).status_code == 200


def test_body_that_ghl_cut_off_is_quarantined() -> None:
    answer = ghl.post({**BODY, "payloadTooLarge": True})

    assert (answer.status_code, told(answer)) == (200, "quarantined")


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(days=3, hours=23), "accepted"),
        (timedelta(days=4, seconds=1), "quarantined"),
        (-timedelta(hours=23), "accepted"),
        (-timedelta(hours=25), "quarantined"),
    ],
)
def test_replay_window_leaves_room_for_ghls_retries(age: timedelta, state: str) -> None:
    answer = ghl.post({**BODY, "timestamp": (NOW - age).isoformat()})

    assert (answer.status_code, told(answer)) == (200, state)
    assert WebhookDelivery.objects.get().state == state
    ghl.work()
    assert WebhookDelivery.objects.get().state == ("quarantined" if state == "quarantined" else "ignored")


def test_webhook_of_another_app_is_recorded_and_ignored(settings: Settings) -> None:
    settings.GHL_APP_ID = "our-app"

    answers = [
        told(ghl.post({**BODY, "webhookId": "a", "appId": "their-app"})),
        told(ghl.post({**BODY, "webhookId": "b", "appId": "our-app"})),
    ]

    assert answers == ["ignored", "accepted"]
    assert WebhookDelivery.objects.get(webhook_id="a").reason == "sent for another app"


def test_unknown_location_is_recorded_and_answered_200() -> None:
    answer = ghl.post(BODY)
    ghl.work()

    delivery = WebhookDelivery.objects.get()
    assert answer.status_code == 200
    assert (delivery.state, delivery.reason, delivery.tenant) == (
        "ignored",
        "a location we do not serve",
        None,
    )


@pytest.mark.parametrize("path", ["/webhooks/ghl/", "/webhooks/ghl"])
def test_address_works_with_and_without_its_last_slash(client: Client, path: str) -> None:
    raw = ghl.encode(BODY)
    headers = {"X-GHL-Signature": signatures.sign(raw, ghl.key())}

    assert client.post(path, raw, content_type="application/json", headers=headers).status_code == 200
    for method in (client.get, client.put, client.delete, client.head, client.options, client.patch):
        answer = method(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/webhooks/ghl/workflow/", "/webhooks/ghl/workflow"])
def test_workflow_address_works_with_and_without_its_last_slash(client: Client, path: str) -> None:
    assert client.post(path, b"{}", content_type="application/json").status_code == 401
    assert client.get(path).status_code == 405


def test_database_down_is_answered_503_with_retry_after() -> None:
    with ghl.database_down() as tried:
        first, second = ghl.post(BODY), ghl.post(BODY)

    assert (first.status_code, first.headers["Retry-After"]) == (503, "30")
    assert second.status_code == 503
    assert len(tried) == 1  # for a second it is not asked again
    door.outage.end()
    assert ghl.post(BODY).status_code == 200


# The workflow door

FORM = {"event": "FormSubmitted", "contact_id": "c-1", "email": "jo@example.com", "form": "Home value"}


@pytest.fixture
def secret(tenant: Tenant) -> str:
    return webhooks.rotate_workflow_secret(tenant=tenant)


def test_workflow_webhook_is_kept_for_the_tenant_of_its_secret(tenant: Tenant, secret: str) -> None:
    answer = ghl.post_workflow({**FORM, "location_id": "someone-elses"}, secret)

    delivery = WebhookDelivery.objects.get()
    assert (answer.status_code, told(answer)) == (200, "accepted")
    assert (delivery.tenant, delivery.location_id, delivery.door) == (tenant, tenant.location_id, "workflow")
    assert delivery.type == "FormSubmitted"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic abc", "bearer\x00", "Bearer " + "x" * 10_000],
)
def test_workflow_door_fails_closed(secret: str, authorization: str) -> None:
    request = ghl.factory.post(
        "/webhooks/ghl/workflow/",
        ghl.encode(FORM),
        content_type="application/json",
        headers={"Authorization": authorization},
    )

    assert door.receive_workflow(request).status_code == 401
    assert not WebhookDelivery.objects.exists()


def test_two_secrets_work_during_rotation_and_the_oldest_ends(tenant: Tenant, freeze: Freeze) -> None:
    first = webhooks.rotate_workflow_secret(tenant=tenant)
    second = webhooks.rotate_workflow_secret(tenant=tenant)

    assert [ghl.post_workflow({**FORM, "key": name}, name).status_code for name in (first, second)] == [
        200,
        200,
    ]
    third = webhooks.rotate_workflow_secret(tenant=tenant)
    webhooks.known_secrets.clear()
    assert [
        ghl.post_workflow({**FORM, "key": f"{name}!"}, name).status_code for name in (first, second, third)
    ] == [
        401,
        200,
        200,
    ]
    freeze(NOW + timedelta(days=8))
    webhooks.known_secrets.clear()
    assert [ghl.post_workflow({**FORM, "key": f"{name}?"}, name).status_code for name in (second, third)] == [
        401,
        200,
    ]


def test_only_a_digest_of_the_secret_is_kept(tenant: Tenant, secret: str) -> None:
    row = WorkflowSecret.objects.get(tenant=tenant)

    assert len(secret) >= 43
    assert secret not in (row.digest, row.hint)
    assert row.digest == webhooks.digest_secret(secret)


def test_uninstalled_tenants_secret_no_longer_opens(tenant: Tenant, secret: str) -> None:
    tenant.is_active = False
    tenant.save(update_fields=["is_active"])

    assert ghl.post_workflow(FORM, secret).status_code == 401


def test_workflow_repeat_is_known_by_its_key_or_its_bytes(secret: str, freeze: Freeze) -> None:
    keyed = {**FORM, "key": "submission-1"}

    answers = [
        told(ghl.post_workflow(keyed, secret)),
        told(ghl.post_workflow({**keyed, "form": "again"}, secret)),
        told(ghl.post_workflow(FORM, secret)),
        told(ghl.post_workflow(FORM, secret)),
    ]
    freeze(NOW + timedelta(minutes=4))
    answers.append(told(ghl.post_workflow(FORM, secret)))
    freeze(NOW + timedelta(minutes=11))
    answers.append(told(ghl.post_workflow(FORM, secret)))

    assert answers == ["accepted", "duplicate", "accepted", "duplicate", "duplicate", "accepted"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({**FORM, "email": "{{contact.email}}"}, "email still holds a merge field"),
        ({**FORM, "customData": {"a": "{{ contact.x }}"}}, "customData.a still holds a merge field"),
        ({"event": "FormSubmitted"}, "contact_id is missing"),
        ({**FORM, "event": "Nonsense"}, "event is not one we know; use one of FormSubmitted"),
        ({**FORM, "tags": {"a": 1}}, "tags must be a text"),
        ({**FORM, "contact_id": "a b"}, "contact_id must not contain blanks"),
        ([1], "body must be a JSON object"),
    ],
)
def test_wrong_workflow_body_is_answered_400_with_what_to_mend(
    secret: str, body: object, detail: str
) -> None:
    answer = ghl.post_workflow(body, secret)

    assert answer.status_code == 400
    assert json.loads(answer.content)["detail"].startswith(detail)
    assert not WebhookDelivery.objects.exists()


def test_workflow_requests_are_limited_for_each_secret(
    secret: str, other_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.workflow_limit, "limit", 3)
    other = webhooks.rotate_workflow_secret(tenant=other_tenant)

    answers = [ghl.post_workflow({**FORM, "key": str(number)}, secret) for number in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert ghl.post_workflow(FORM, other).status_code == 200


def test_workflow_door_answers_503_when_the_database_is_down(secret: str) -> None:
    with ghl.database_down():
        answer = ghl.post_workflow(FORM, secret)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
