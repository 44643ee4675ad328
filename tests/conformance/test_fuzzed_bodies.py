"""Ten thousand mutated bodies: never a 500, nothing stored half, no other tenant touched."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pytest_django import Settings

from leads.models import Event, Lead, Message, Tenant, WebhookDelivery
from leads.services.ingest import ingest
from tests import ghl

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "fixtures" / "ghl"
EXAMPLES = (
    Path(os.environ.get("HEARTHLINE_GHL_DIR", str(ROOT.parent / "shared" / "ghl"))) / "events_enveloped"
)
LOCATION = "fuzzed-location"
COUNT = 10_000
FOUND = {200, 400, 401, 413}

ODD: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1.5, 10**30, True, False, [], {}, [[]], {"a": {}}, "x" * 5_000, "\x00", "a\x00b",
    "\ud83d", "\u202e", "💥" * 50, "null", "NaN", "-0", "1e999", "2026-13-45T99:99:99Z", "SMS", "active",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "{{contact.id}}", "<script>alert(1)</script>",
    "'; DROP TABLE leads_lead; --", "../../etc/passwd", 2**63, -(2**63), 1e308, ["a", 1, None], {"$ne": 1},
    "InboundMessage", "ContactDelete", 1714032441, "1714032441", "+1", "a@b", "@", "+" * 100,
)  # fmt: skip


def _seeds() -> list[dict[str, Any]]:
    own = (path for path in OWN.glob("*.json") if not path.name.startswith("Workflow."))
    paths = [*sorted(own), *sorted(EXAMPLES.glob("*.json") if EXAMPLES.is_dir() else [])]
    bodies = [json.loads(path.read_text()) for path in paths]
    for body in bodies:
        if "locationId" in body:
            body["locationId"] = LOCATION
        body["timestamp"] = datetime.now(UTC).isoformat()  # what is old is put into quarantine
    return [body for body in bodies if body.get("type") != "UNINSTALL"]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a body."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _places(item, (*path, key))
    return found


def _mutate(random: Random, body: dict[str, Any]) -> bytes:
    """Change a body in one to four places, sometimes below the level of JSON."""
    body = copy.deepcopy(body)
    body["webhookId"] = f"fuzz-{random.random()}"
    for _ in range(random.randint(1, 4)):
        path = random.choice(_places(body) or [("type",)])
        holder: Any = body
        for key in path[:-1]:
            holder = holder[key]
        how = random.random()
        if how < 0.15 and isinstance(holder, dict):
            holder.pop(path[-1], None)
        elif how < 0.25:
            holder[path[-1]] = {"deeper": holder[path[-1]]}
        elif how < 0.3:
            holder[path[-1]] = [holder[path[-1]]] * random.randint(1, 60)
        elif how < 0.35 and isinstance(holder, dict):
            holder[str(random.choice(ODD))[:50]] = copy.deepcopy(random.choice(ODD))
        else:
            holder[path[-1]] = copy.deepcopy(random.choice(ODD))
    raw = ghl.encode(body)
    how = random.random()
    if how < 0.03:
        return raw[: random.randrange(len(raw))]
    if how < 0.06:
        at = random.randrange(len(raw))
        return raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]
    if how < 0.07:
        return b'{"x":' * random.choice((10, 2_000)) + raw
    return raw


def test_ten_thousand_mutated_bodies_do_no_harm(
    settings: Settings, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    ghl.open_door(settings)
    caplog.set_level(logging.CRITICAL)
    random = Random(20261123)
    tenant = Tenant.objects.create(location_id=LOCATION, name="Fuzzed")
    other = Tenant.objects.create(location_id="someone-elses", name="Untouched")
    seeds = _seeds()
    answers: Counter[int] = Counter()

    for _ in range(COUNT):
        answers[ghl.post(_mutate(random, random.choice(seeds))).status_code] += 1
    waiting = list(
        WebhookDelivery.objects.filter(state="accepted").order_by("pk").values_list("pk", flat=True)
    )
    for start in range(0, len(waiting), 64):
        ingest(delivery_ids=waiting[start : start + 64])

    assert set(answers) <= FOUND
    assert answers[200] > COUNT * 0.8
    assert WebhookDelivery.objects.count() <= answers[200]
    # Nothing waits, and nothing failed for another reason than a field that was named.
    states = Counter(WebhookDelivery.objects.values_list("state", flat=True))
    assert set(states) <= {"processed", "ignored", "quarantined", "failed"}
    failed = set(WebhookDelivery.objects.filter(state="failed").values_list("reason", flat=True))
    assert [reason for reason in failed if ": " not in reason or reason[0].isupper()] == []
    # What was told and what was kept agree.
    told = sum(WebhookDelivery.objects.exclude(events=0).values_list("events", flat=True))
    assert Event.objects.count() == told
    assert not Lead.objects.filter(tenant=other).exists()
    assert not Event.objects.filter(tenant=other).exists()
    assert not Message.objects.filter(event_id=None).exists()
    assert not Lead.objects.filter(tenant=tenant, identities=None).exists()
    assert states["processed"] > COUNT * 0.1


@pytest.mark.parametrize("depth", [100, 5_000, 50_000])
def test_deep_nesting_is_an_answer_not_a_crash(settings: Settings, db: None, depth: int) -> None:
    ghl.open_door(settings)
    raw = b'{"type":"ContactCreate","a":' + b"[" * depth + b"]" * depth + b"}"

    assert ghl.post(raw).status_code in (200, 400)
