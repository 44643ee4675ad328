"""The pages of proof, models and tiers, through the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Lead, ModelRun, ModelVersion, Tenant, User
from leads.services.model_runs import SILENT
from scoring import selectors, services, tasks
from scoring.models import TierCuts
from tests.conftest import Freeze
from tests.factories import ExperimentFactory, ModelVersionFactory
from tests.past import make_model, make_past

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


@pytest.fixture
def version(tenant: Tenant) -> ModelVersion:
    """A model trained on a past whose talk foretells closings, serving."""
    return make_model(tenant, now=NOW)


def page(name: str, *args: int) -> str:
    return reverse(f"scoring:{name}", args=args)


def read(browser: Client, address: str) -> str:
    response = browser.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


# Proof


def test_without_a_model_the_page_claims_nothing(agent_client: Client, broker_client: Client) -> None:
    seen = read(agent_client, page("overview"))

    assert "No model has learned from your outcomes yet" in seen
    assert "Their points are agreed, not measured, and this page claims nothing about them." in seen
    assert "at least 30 of them must have closed, or kept an appointment" in seen
    assert "Train now" not in seen
    assert "Train now" in read(broker_client, page("overview"))
    assert "No model yet" in read(agent_client, page("version-list"))


def test_the_proof_is_told_as_it_was_measured(version: ModelVersion, agent_client: Client) -> None:
    forward = version.metrics["forward"]
    seen = read(agent_client, page("overview"))

    reached, auc = forward["recall_top_20"], forward["auc"]
    assert f'would have reached <b class="num">{reached["value"]:.1%}</b> of your closings.' in seen
    assert f"of the closings; 95%: {reached['low']:.1%}–{reached['high']:.1%}" in seen
    assert f"AUC, 0.5 is chance; 95%: {auc['low']:.3f}–{auc['high']:.3f}" in seen
    rows = version.metrics["reliability"]
    assert seen.count('<td class="num text-right">') >= 3 * len(rows)
    for row in rows:
        assert f">{row['low']:.1%}–{row['high']:.1%}</td>" in seen
    for fold in version.metrics["folds"]:
        assert f"{fold['auc']['value']:.3f} <span" in seen
    for name in ("The usual rate alone", "Naive Bayes", "Logistic regression"):
        assert name in seen
    assert f"{sum(row['count'] for row in rows)}</p>" in seen
    best = selectors.proof_of(version).importance[0]  # type: ignore[union-attr]
    assert best.percent == 100.0
    assert f"{best.label}: 100 of 100" in seen


def test_a_segment_has_figures_of_its_own(version: ModelVersion, agent_client: Client) -> None:
    part = version.metrics["segments"]["seller"]
    seen = read(agent_client, page("overview") + "?segment=seller")

    assert "Seller: calling the best-scored fifth" in seen
    assert f"{part['auc']['value']:.3f}" in seen
    assert "Forward in time" not in seen
    assert "Against simpler ways" not in seen
    assert "Forward in time" in read(agent_client, page("overview") + "?segment=nobody")


def test_leads_without_a_segment_are_not_all_leads(version: ModelVersion) -> None:
    version.metrics["segments"][""] = version.metrics["segments"].pop("seller")
    whole, part = selectors.proof_of(version), selectors.proof_of(version, segment="")

    assert whole is not None
    assert part is not None
    assert whole.segment is None
    assert part.segment is not None
    assert (part.segment.name, part.segment.label) == ("none", "Without a segment")
    assert part.rows < whole.rows


def test_no_signal_is_told_and_respected(tenant: Tenant, agent_client: Client) -> None:
    row = ModelVersionFactory(tenant=tenant, state=ModelVersion.State.REFUSED, reason="No signal.")
    seen = read(agent_client, page("overview"))

    assert "No signal in your outcomes" in seen
    assert "no better than your closing rate alone, so it does not serve" in seen
    assert page("version", row.pk) in seen


def test_the_market_model_is_told_as_such(version: ModelVersion, agent_client: Client) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(tenant=None)
    seen = read(agent_client, page("overview"))

    assert f"the market&#x27;s model {version.name}" in seen or f"the market's model {version.name}" in seen
    assert page("version", version.pk) not in seen
    assert agent_client.get(page("version", version.pk)).status_code == 404
    assert "until one of your own is better" in read(agent_client, page("version-list"))


# Training


def test_a_broker_trains_and_sees_how_far_it_is(tenant: Tenant, broker_client: Client) -> None:
    make_past(tenant, leads=320, now=NOW)
    first = broker_client.post(page("version-train"))
    run = ModelRun.objects.get()
    again = broker_client.post(page("version-train"))

    assert told(first) == ["The training has begun. You can leave this page."]
    assert told(again)[-1] == "A training is under way already."
    waiting = read(broker_client, page("overview"))
    assert f'hx-get="{page("run", run.pk)}"' in waiting
    assert "Waiting for a worker." in waiting

    tasks.carry_out_run(run.pk)
    made = ModelVersion.objects.get()
    run.refresh_from_db()
    assert (run.state, run.version_id, made.state) == ("done", made.pk, "candidate")
    assert run.told == f"Candidate. {made.reason}"
    fragment = broker_client.get(page("run", run.pk), headers={"HX-Request": "true"})
    assert fragment.headers["HX-Refresh"] == "true"
    assert broker_client.get(page("run", run.pk))["Location"] == page("version", made.pk)
    listed = read(broker_client, page("version-list"))
    assert f'href="{page("version", made.pk)}">{made.name}</a>' in listed
    assert f"{made.metrics['forward']['auc']['value']:.3f}" in listed

    tasks.carry_out_run(run.pk)
    assert ModelVersion.objects.count() == 1


def test_too_little_to_learn_from_is_told(tenant: Tenant, broker_client: Client) -> None:
    broker_client.post(page("version-train"))
    tasks.carry_out_run(ModelRun.objects.get().pk)

    seen = read(broker_client, page("version-list"))
    assert "Not done" in seen
    assert "Too little to learn from: 0 leads that closed, 0 leads that kept an appointment" in seen


def test_a_silent_run_is_given_up_and_begun_anew(tenant: Tenant, broker: User, freeze: Freeze) -> None:
    lost, _ = services.begin_training(tenant=tenant, by=broker)
    freeze(NOW + SILENT + timedelta(seconds=1))
    run, is_new = services.begin_training(tenant=tenant, by=broker)

    lost.refresh_from_db()
    assert (is_new, run.pk != lost.pk) == (True, True)
    assert (lost.state, lost.told) == ("failed", "Its worker was stopped. Begin anew.")


def test_a_run_that_breaks_says_so_and_is_heard_of(
    tenant: Tenant, broker: User, version: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(artifact=b"not a model", state="candidate")
    run, _ = services.begin_version_preview(version=version, by=broker)

    tasks.carry_out_run(run.pk)

    run.refresh_from_db()
    assert run.state == "failed"
    assert "checksum" in run.told


# Publishing


def test_a_version_is_looked_at_published_and_rolled_back(
    tenant: Tenant,
    version: ModelVersion,
    broker_client: Client,
    agent_client: Client,
    freeze: Freeze,
) -> None:
    Lead.objects.filter(tenant=tenant).update(score=0.0, tier="quiet", last_event_at=NOW)
    broker_client.post(page("version-roll-back"))
    version.refresh_from_db()
    assert version.state == "retired"

    refused = broker_client.post(page("version-publish", version.pk))
    assert told(refused)[-1] == (
        "Look first at what it would change: the preview is missing or over a day old."
    )
    assert "Not looked at yet" in read(broker_client, page("version", version.pk))

    broker_client.post(page("version-preview", version.pk))
    tasks.carry_out_run(ModelRun.objects.get().pk)
    version.refresh_from_db()
    seen = read(broker_client, page("version", version.pk))
    kept = version.preview
    assert f'Of {kept["leads"]} leads <b class="num text-ink">{kept["changed"]}</b> change tier.' in seen
    assert seen.count('class="row-link"') == len(kept["moved"]) == 30
    assert kept["new_tiers"]["hot"] == kept["hot_alerts"] > 0
    assert page("version-publish", version.pk) in seen
    assert page("version-publish", version.pk) not in read(agent_client, page("version", version.pk))

    published = broker_client.post(page("version-publish", version.pk))
    version.refresh_from_db()
    assert told(published)[-1] == f"{version.name} serves. Leads are scored anew."
    assert version.state == "serving"
    assert version.promoted_by is not None
    changes = Event.objects.filter(kind=Kind.MODEL_CHANGED).order_by("-pk")
    assert changes[0].data == {"engine": "scores", "model": version.name}
    assert "Roll back to what served before" in read(broker_client, page("version-list"))
    assert "Roll back" not in read(agent_client, page("version-list"))

    freeze(NOW + timedelta(days=1, seconds=1))
    ModelVersion.objects.filter(pk=version.pk).update(state="candidate")
    stale = read(broker_client, page("version", version.pk))
    assert "The preview is over a day old." in stale
    assert page("version-publish", version.pk) not in stale


def test_nothing_to_roll_back_is_told(broker_client: Client) -> None:
    response = broker_client.post(page("version-roll-back"))

    assert told(response) == ["No model serves, so there is nothing to roll back."]


def test_while_an_experiment_runs_the_version_that_serves_stays(
    tenant: Tenant, broker_client: Client
) -> None:
    row = ModelVersionFactory(tenant=tenant, state=ModelVersion.State.SERVING, promoted_at=NOW)
    ExperimentFactory(tenant=tenant, state="running", started_at=NOW)

    response = broker_client.post(page("version-roll-back"))

    runs = "An experiment runs. End it first: what serves must stay as it is until then."
    assert told(response) == [runs]
    row.refresh_from_db()
    assert row.state == "serving"


def test_a_version_that_found_no_signal_cannot_be_published(tenant: Tenant, broker_client: Client) -> None:
    row = ModelVersionFactory(
        tenant=tenant, state=ModelVersion.State.REFUSED, preview={"at": NOW.isoformat()}
    )
    response = broker_client.post(page("version-publish", row.pk))

    assert told(response) == [f"{row.name} found no signal: it would not beat chance."]


# Tiers


def test_rules_are_cut_by_the_alert_rules(agent_client: Client, broker_client: Client) -> None:
    seen = read(agent_client, page("tiers"))

    assert "tiers begin where the alert rules say" in seen
    assert "20 leads a week are called first. Your broker says how many." in seen
    assert "Change them in the alert rules" in read(broker_client, page("tiers"))


def test_a_broker_says_what_the_team_can_call(
    tenant: Tenant, version: ModelVersion, broker_client: Client, agent_client: Client
) -> None:
    Lead.objects.filter(tenant=tenant).update(score=0.0, tier="quiet", last_event_at=NOW)
    before = read(agent_client, page("tiers"))
    assert f"Those of the model {version.name} itself, until your own are chosen within the hour." in before

    wrong = broker_client.post(page("capacity"), {"hot_a_week": "0", "least_percent": "140"})
    assert wrong.status_code == 422
    assert "Ensure this value is greater than or equal to 1." in wrong.content.decode()
    assert not TierCuts.objects.exists()

    kept = broker_client.post(page("capacity"), {"hot_a_week": "6", "least_percent": "12.5"})
    assert told(kept)[-1] == "Kept. Tiers are chosen anew, and the leads follow."
    row = TierCuts.objects.get()
    assert (row.hot_a_week, row.least_precision) == (6, 0.125)
    services.choose_tiers(tenant=tenant, now=NOW)
    row.refresh_from_db()
    seen = read(agent_client, page("tiers"))
    assert "Chosen <time" in seen
    for reason in row.cuts[""]["reasons"]:
        assert reason in seen
    assert "6 leads a week are called first." in seen
    assert 'value="12.5"' in read(broker_client, page("tiers"))
