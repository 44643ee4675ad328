"""A tenant's own fields enter its own model by themselves, and nothing that must not."""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from leads.events import Kind
from leads.ml.catalogue import NAMES, VERSION
from leads.ml.features import replay, vector
from leads.models import CustomField, Event, Lead, ModelVersion, Tenant, User
from leads.selectors.histories import histories_of
from leads.services import models as registry
from scoring import engine, selectors, services
from scoring.outcomes import Target
from scoring.own import FieldName as Name
from scoring.own import OwnField, OwnFields, choose_fields
from scoring.services import serving
from scoring.services.unseen import unseen_of
from scoring.training import ModelRefused, Trained
from tests import ghl
from tests.conftest import Freeze
from tests.factories import EventFactory
from tests.leads.api import caller
from tests.past import UNTRIED, make_past

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
RANGE = "custom:Budget range = 500–600k"
FIELDS = (
    ("f1", "range", "Budget range", "SINGLE_OPTIONS"),
    ("f2", "faith", "Religion", "TEXT"),
    ("f3", "code", "Close code", "TEXT"),
    ("f4", "loan", "Loan amount", "MONETORY"),
    ("f5", "wishes", "Wishes", "CHECKBOX"),
    ("f6", "lease", "Lease ends", "DATE"),
)
_learned: dict[str, Any] = {}


def make_fields(tenant: Tenant) -> None:
    """Make a past whose budgets foretell closings, with fields that must not be learned from."""
    CustomField.objects.bulk_create(
        CustomField(tenant=tenant, ghl_id=ghl_id, key=key, name=name, data_type=data_type)
        for ghl_id, key, name, data_type in FIELDS
    )
    leads = make_past(tenant, leads=320, now=NOW)
    closed = dict(
        Event.objects.filter(tenant=tenant, kind=Kind.OPPORTUNITY_WON).values_list("lead", "occurred_at")
    )
    rng = random.Random(5)
    events = []
    for lead in leads:
        came = lead.pk in closed
        told = {
            "range": "500–600k" if rng.random() < (0.9 if came else 0.2) else "400–500k",
            "faith": rng.choice(["Catholic", "Jewish"]),
            "nameless": rng.choice("abc"),
            "wishes": rng.sample(["pool", "garage", "yard"], rng.randint(0, 2)),
            "lease": (lead.created_at + timedelta(days=rng.randint(-50, 200))).date().isoformat(),
        }
        if came and rng.random() < 0.8:
            told["code"] = "K1"
        if rng.random() < 0.5:
            told["loan"] = str(rng.randint(200, 900) * 1000)
        events.append((lead, lead.created_at + timedelta(hours=1), told))
        if came:
            events.append((lead, closed[lead.pk] + timedelta(days=1), {"range": "sold"}))
    Event.objects.bulk_create(
        Event(
            tenant=tenant,
            lead=lead,
            kind=Kind.CONTACT_UPDATED,
            occurred_at=at,
            source="ghl",
            dedupe_key=f"own:{number}",
            data={"custom": told},
        )
        for number, (lead, at, told) in enumerate(events)
        if at < NOW
    )


@pytest.fixture
def version(tenant: Tenant, freeze: Freeze, db: None) -> ModelVersion:
    """A model that learned from the tenant's own fields, serving; it is learned once for all tests."""
    freeze(NOW)
    make_fields(tenant)
    if not _learned:
        version = services.retrain(tenant=tenant, now=NOW, seed=3, promote=True)
        told = {field.name: getattr(version, field.name) for field in ModelVersion._meta.concrete_fields}
        _learned.update({name: value for name, value in told.items() if name not in ("id", "tenant")})
        return version
    return registry.promote(version=ModelVersion.objects.create(tenant=tenant, **_learned | UNTRIED))


def model_of(version: ModelVersion) -> Trained:
    return serving.load(version)


def test_what_enters_and_what_does_not_is_told(version: ModelVersion, agent_client: Client) -> None:
    told = version.metrics["own_fields"]

    assert {"Budget range", "Loan amount", "Wishes", "Lease ends"} == set(told["used"])
    assert told["left_out"]["Religion"] == "speaks of religion: no score may rest on it"
    assert told["left_out"]["nameless"] == "has no name here, so that nobody can tell what it speaks of"
    assert told["left_out"]["Close code"].startswith("gives the outcome away. Of ")
    assert told["log_loss"]["with"] < told["log_loss"]["without"]
    assert RANGE in version.features
    assert len(set(version.features)) == len(version.features)
    assert not {name for name in version.features if "Religion" in name or "Close code" in name}

    page = agent_client.get(reverse("scoring:version", args=[version.pk])).content.decode()
    assert "Budget range: 500–600k" in page
    assert "speaks of religion: no score may rest on it" in page


def test_a_field_told_by_a_webhook_counts_and_is_explained(
    version: ModelVersion, tenant: Tenant, settings: Settings, agent: User, agent_client: Client
) -> None:
    ghl.open_door(settings)
    body = {
        "type": "ContactCreate",
        "locationId": tenant.location_id,
        "timestamp": NOW.isoformat(),
        "webhookId": "own-1",
        "id": "fresh",
        "firstName": "Jordan",
        "dateAdded": NOW.isoformat(),
        "customFields": [{"id": "f1", "value": "500–600k"}, {"id": "f2", "value": "Catholic"}],
    }
    ghl.deliver(body)
    lead = Lead.objects.get(contact_id="fresh")
    (row,) = services.score_leads(
        event_ids=list(Event.objects.filter(lead=lead).values_list("pk", flat=True))
    )

    assert (row.mode, row.model_version) == ("model", version.name)
    assert abs(row.base + sum(points for _, _, points in row.contributions) - row.score) < 1e-6
    points = {name: (value, share) for name, value, share in row.contributions}
    assert points[RANGE][0] == 1.0
    assert points[RANGE][1] > 0
    assert all(value is None or math.isfinite(value) for value, _ in points.values())
    lead.refresh_from_db()
    assert "Budget range: 500–600k" in {reason["text"] for reason in lead.reasons}
    told = caller(agent.memberships.get()).get(f"leads/{lead.pk}/explanation/").json()
    assert {"feature": RANGE, "label": "Budget range: 500–600k"}.items() <= next(
        one for one in told["contributions"] if one["feature"] == RANGE
    ).items()
    panel = agent_client.get(reverse("scoring:lead-panel", args=[lead.pk])).content.decode()
    assert "Budget range: 500–600k" in panel

    ghl.deliver(
        body | {"type": "ContactUpdate", "webhookId": "own-2", "customFields": [{"id": "f1", "value": ""}]}
    )
    event = Event.objects.get(lead=lead, kind=Kind.CONTACT_UPDATED)
    (after,) = services.score_leads(event_ids=[event.pk])
    assert after.score < row.score


def test_training_and_serving_see_the_same_at_any_moment(version: ModelVersion, tenant: Tenant) -> None:
    model = model_of(version)
    rows = selectors.training_rows(tenant=tenant, now=NOW, target=Target.CLOSING)
    assert model.own is not None
    matrix = rows.with_own(model.own)[:, len(NAMES) :]
    rng = random.Random(8)
    for row in rng.sample(range(len(rows)), 40):
        lead = Lead.objects.get(pk=int(rows.lead_ids[row]))
        at = datetime.fromtimestamp(float(rows.at[row]), tz=UTC)
        served = vector(replay(histories_of([lead], until=at)[lead.pk], at), at)
        assert np.array_equal(model.matrix([served])[0, len(NAMES) :], matrix[row], equal_nan=True)
    assert not any(held.get("range") == "sold" for held in rows.custom)
    assert any(lead_state(lead).get("range") == "sold" for lead in Lead.objects.filter(tenant=tenant))


def lead_state(lead: Lead) -> dict[str, Any]:
    return dict(replay(histories_of([lead])[lead.pk], NOW).get("custom", {}))


def test_contributions_add_up_for_every_lead(version: ModelVersion, tenant: Tenant) -> None:
    model = model_of(version)
    rows = selectors.training_rows(tenant=tenant, now=NOW, target=Target.CLOSING)
    cases = [engine.Case(one) for one in rows.vectors()[:60]]
    scores = serving.score_cases(cases, model, now=NOW)

    assert all(
        abs(one.base + sum(part.points for part in one.contributions) - one.score) < 1e-6 for one in scores
    )
    assert any(part.feature.startswith("custom:") for one in scores for part in one.contributions)
    assert [one.label for one in scores[0].contributions]
    first, second = cases[0].vector, replace(cases[0].vector, custom={})
    assert engine.fingerprint(first) != engine.fingerprint(second)


def test_pages_and_watching_name_such_features(
    version: ModelVersion, tenant: Tenant, agent_client: Client
) -> None:
    Lead.objects.filter(tenant=tenant).update(last_event_at=NOW)
    watched = services.watch(tenant=tenant, now=NOW)
    assert watched is not None
    assert watched.watched["features"] > 0
    watched.watched["drifted"] = [{"feature": RANGE, "index": 0.4}]
    watched.save()

    assert "Budget range: 500–600k" in agent_client.get(reverse("scoring:overview")).content.decode()
    lead = Lead.objects.filter(tenant=tenant).order_by("-pk")[0]
    start, end = lead.created_at + timedelta(minutes=30), lead.created_at + timedelta(hours=2)
    asked = services.ask_change(lead=lead, start=start, end=end)
    assert asked.answer is not None
    moves = {move.feature: move for move in asked.answer.moves if move.feature.startswith("custom:")}
    assert moves
    assert asked.answer.base + sum(move.points for move in asked.answer.moves) == pytest.approx(
        asked.answer.points, abs=1e-6
    )
    event = EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": "Hello"})
    services.score_leads(event_ids=[event.pk])
    Lead.objects.filter(pk=lead.pk).update(tier="quiet")
    lead.refresh_from_db()
    assert services.lifts_of(lead) is not None


def test_weights_are_learned_of_models_with_the_same_fields(version: ModelVersion, tenant: Tenant) -> None:
    served = serving.served_for([tenant.pk])[tenant.pk]
    unseen = unseen_of(tenant=tenant, served=served, now=NOW, seed=3, tell=lambda text: None)

    assert len(unseen.stretches) == 3


def test_a_model_is_kept_with_its_fields_and_refused_without(version: ModelVersion) -> None:
    model = model_of(version)
    assert model.own is not None
    data = model.to_bytes()
    again = Trained.from_bytes(data, sha256=hashlib.sha256(data).hexdigest(), feature_version=VERSION)
    assert (again.own, again.names) == (model.own, (*NAMES, *model.own.names))

    bare = replace(model, own=None).to_bytes()
    assert "own" not in json.loads(zipfile.ZipFile(io.BytesIO(bare)).read("model.json"))
    ModelVersion.objects.filter(pk=version.pk).update(artifact=bare, sha256=hashlib.sha256(bare).hexdigest())
    version.refresh_from_db()
    with pytest.raises(Exception, match="reads other features than there are"):
        serving.load(version)
    other = replace(model, own=OwnFields(model.own.fields[:-1])).to_bytes()
    with pytest.raises(ModelRefused, match="cannot be read"):
        Trained.from_bytes(other, sha256=hashlib.sha256(other).hexdigest(), feature_version=VERSION)


@pytest.mark.django_db
def test_the_markets_model_never_looks_at_them_and_is_borrowed_from(tenant: Tenant, freeze: Freeze) -> None:
    freeze(NOW)
    make_fields(tenant)
    market = services.retrain(tenant=None, now=NOW, seed=3, promote=True)
    assert (model_of(market).names, "own_fields" in market.metrics) == (NAMES, False)

    mine = services.retrain(tenant=tenant, now=NOW, seed=3)
    model = model_of(mine)
    assert model.own is not None
    lead = Lead.objects.filter(tenant=tenant).order_by("pk")[0]
    assert abs(_gap(services.score_at(lead, NOW - timedelta(days=400), model=mine.name))) < 1e-6


def _gap(score: engine.Score) -> float:
    return score.base + sum(one.points for one in score.contributions) - score.score


# Which fields, and how


def chosen(
    values: list[Any], *, name: str = "Thing", data_type: str = "TEXT"
) -> tuple[OwnFields, dict[str, str]]:
    count = len(values)
    found = choose_fields(
        [{} if value is None else {"key": value} for value in values],
        np.array([i % 7 == 0 for i in range(count)]),
        np.arange(count, dtype=np.float64) * 86_400,
        np.arange(count),
        {"key": Name(name, data_type)},
    )
    return found.own, dict(found.left_out)


@pytest.mark.parametrize(
    ("values", "name", "data_type", "why"),
    [
        (["a", "b"] * 10, "Thing", "TEXT", "is known of 20 leads; 30 are needed"),
        (["a"] * 60, "Thing", "TEXT", "is the same in every row"),
        ([f"x{i}" for i in range(60)], "Thing", "TEXT", "is an id: nearly every row has its own"),
        ([f"x{i}" for i in range(50)] + [None] * 20, "Thing", "TEXT", "is an id"),
        (["a", "b"] * 30, "Spouse name", "TEXT", "speaks of family: no score may rest on it"),
        (["a", "b"] * 30, "Lender name", "TEXT", "says who a person is"),
        (["a", "b"] * 30, "Second line", "PHONE", "says who a person is"),
        ([f"a{i % 9}@example.com" for i in range(60)], "Contact", "TEXT", "says who a person is"),
        (["a", "b"] * 30, "Notes", "LARGE_TEXT", "is free text"),
        (["long " * 20, "longer " * 20] * 30, "Notes", "TEXT", "is free text"),
        (["Catholic", "other"] * 30, "Group", "TEXT", "speaks of religion: no score may rest on it"),
        (["no children", "other"] * 30, "Group", "TEXT", "speaks of family: no score may rest on it"),
        (["a", "b"] * 30, "Hearthline", "TEXT", ""),
        ([f"x{i % 25}" for i in range(100)], "Thing", "TEXT", "has no value that many leads share"),
    ],
)
def test_why_a_field_is_left_out(values: list[Any], name: str, data_type: str, why: str) -> None:
    _, left_out = chosen(values, name=name, data_type=data_type)

    assert left_out == ({name: why} if why else {})


def test_a_lead_counts_once_however_often_it_was_looked_at() -> None:
    found = choose_fields(
        [{"key": "ab"[i % 2]} for i in range(60)],
        np.array([i % 3 == 0 for i in range(60)]),
        np.arange(60, dtype=np.float64),
        np.arange(60) // 3,
        {"key": Name("Thing")},
    )
    assert found.left_out == {"Thing": "is known of 20 leads; 30 are needed"}


def test_values_of_every_type_become_numbers() -> None:
    day = 86_400.0
    number, _ = chosen([str(100 + 7 * (i % 40)) if i % 2 else None for i in range(120)])
    assert number.names == ("custom:Thing", "custom:Thing = not known")
    assert number.encode([{"key": "$1.5m"}], [0.0]).tolist() == [[1_500_000.0, 0.0]]
    assert np.isnan(number.encode([{}], [0.0])[0, 0])
    moment, _ = chosen([f"2026-01-{1 + i % 28:02}" for i in range(60)])
    assert moment.names == ("custom:Thing: days ago",)
    at = datetime(2026, 1, 11, tzinfo=UTC).timestamp()
    assert moment.encode([{"key": "2026-01-01"}, {"key": "2026-01-12"}], [at, at]).tolist() == [
        [10.0],
        [-1.0],
    ]
    flag, _ = chosen(["yes", "no"] * 30)
    assert (flag.names, flag.encode([{"key": "Y"}], [day]).tolist()) == (("custom:Thing = yes",), [[1.0]])
    level, _ = chosen(["red", "green", "blue"] * 30)
    assert level.names == tuple(f"custom:Thing = {one}" for one in ("blue", "green", "red"))
    assert level.encode([{"key": " GREEN "}, {"key": "n/a"}], [0.0, 0.0]).tolist() == [[0, 1, 0], [0, 0, 0]]
    gaps, _ = chosen([["pool", "yard"], ["yard"], ["garage"], None] * 30)
    assert gaps.names == (
        "custom:Thing = yard",
        "custom:Thing = not known",
        "custom:Thing = garage",
        "custom:Thing = pool",
    )
    many, _ = chosen([["pool", "yard"], ["yard"], ["garage"]] * 30)
    assert many.names == ("custom:Thing = yard", "custom:Thing = garage", "custom:Thing = pool")
    assert many.encode([{"key": ["pool"]}, {"key": "yard"}], [0.0, 0.0]).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_two_fields_of_one_name_are_told_apart() -> None:
    values = [{"one": "ab"[i % 2], "two": "ab"[i % 3 == 0]} for i in range(90)]
    names = {key: Name("Thing") for key in ("one", "two")}
    came = np.array([i % 4 == 0 for i in range(90)])
    found = choose_fields(values, came, np.arange(90.0), np.arange(90), names)

    assert {one.label for one in found.own.fields} == {"Thing (one)", "Thing (two)"}
    assert len(set(found.own.names)) == len(found.own.names)


def test_a_kept_field_of_no_known_kind_is_refused() -> None:
    kept = OwnField("key", "Thing", "number").as_json()
    with pytest.raises(ValueError, match="A field is no poem"):
        OwnField.from_json(kept | {"kind": "poem"})
