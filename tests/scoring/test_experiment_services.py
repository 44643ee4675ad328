"""Experiments from plan to take-over: who is scored by what, what is counted, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Alert, AlertSettings, Event, Lead, ModelVersion, Tenant, User
from leads.services import models as registry
from scoring import services, tasks
from scoring.engine import Thresholds
from scoring.models import Experiment, ExperimentLead, LeadScore, TierCuts, WeightSet
from scoring.services import Wanted, serving
from scoring.services.learning import is_tried
from tests.conftest import Freeze
from tests.factories import AlertFactory, EventFactory, ExperimentFactory, LeadFactory, ModelVersionFactory
from tests.past import make_model

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=91)
WANTED = Wanted(base_rate=0.1, least_effect=0.1, leads_a_day=20.0)


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def lead_with_talk(tenant: Tenant) -> Lead:
    lead = LeadFactory(tenant=tenant, created_at=NOW - timedelta(days=2))
    EventFactory(
        lead=lead,
        kind=Kind.MESSAGE_RECEIVED,
        occurred_at=NOW - timedelta(hours=3),
        data={"text": "Can we see it on Saturday? We are pre-approved."},
    )
    return lead


def leads_with_talk(tenant: Tenant, count: int) -> list[Lead]:
    return [lead_with_talk(tenant) for _ in range(count)]


def score(tenant: Tenant) -> None:
    services.rescore(lead_ids=list(Lead.objects.filter(tenant=tenant).values_list("pk", flat=True)))


def weight_set(tenant: Tenant, **weights: float) -> WeightSet:
    return WeightSet.objects.create(tenant=tenant, number=1, origin="broker", weights={"": weights})


def planned(tenant: Tenant, by: User, **tried: object) -> Experiment:
    tries = {"weight_set": "weights", "model_version": "model", "cuts": "tiers"}[next(iter(tried))]
    return services.plan_experiment(
        tenant=tenant,
        by=by,
        name="Try it",
        tries=tries,
        target="closing",
        wanted=WANTED,
        **tried,  # type: ignore[arg-type]  # one of three
    )


def started(tenant: Tenant, by: User, **tried: object) -> Experiment:
    row = services.start_experiment(experiment=planned(tenant, by, **tried), by=by, now=NOW)
    serving.forget()
    return row


def arms(row: Experiment) -> tuple[list[Lead], list[Lead]]:
    """Return the control's leads and the treated."""
    entries = row.entries.select_related("lead").order_by("pk")
    return [one.lead for one in entries if not one.is_treated], [
        one.lead for one in entries if one.is_treated
    ]


def close(leads: Sequence[Lead], at: datetime) -> None:
    for lead in leads:
        EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=at)


# Who is scored by what


def test_the_treated_are_scored_by_the_weights_tried_and_the_rest_as_it_is(
    tenant: Tenant, broker: User
) -> None:
    leads_with_talk(tenant, 40)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    score(tenant)
    control, treated = arms(row)
    used = dict(LeadScore.objects.values_list("lead_id", "weight_set"))

    assert len(control) + len(treated) == 40
    assert min(len(control), len(treated)) >= 10
    assert {used[lead.pk] for lead in treated} == {"set-1"}
    assert {used[lead.pk] for lead in control} == {"standard"}
    assert {lead.score for lead in treated} > set()
    assert {lead.score for lead in treated}.isdisjoint({lead.score for lead in control})
    assert Event.objects.get(kind=Kind.EXPERIMENT_STARTED).data == {"experiment": row.pk, "tries": "weights"}


def test_a_lead_keeps_its_variant_and_enters_once(tenant: Tenant, broker: User) -> None:
    leads_with_talk(tenant, 12)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    score(tenant)
    before = list(row.entries.order_by("lead_id").values_list("lead_id", "is_treated", "entered_at"))
    score(tenant)

    assert list(row.entries.order_by("lead_id").values_list("lead_id", "is_treated", "entered_at")) == before
    assert {at for _, _, at in before} == {NOW}


def test_events_are_scored_by_the_variant_too(tenant: Tenant, broker: User) -> None:
    leads = leads_with_talk(tenant, 20)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    fresh = [
        EventFactory(lead=lead, kind=Kind.MESSAGE_RECEIVED, occurred_at=NOW, data={"text": "Hello?"})
        for lead in leads
    ]
    services.score_leads(event_ids=[event.pk for event in fresh])
    control, treated = arms(row)
    used = dict(LeadScore.objects.values_list("lead_id", "weight_set"))

    assert {used[lead.pk] for lead in treated} == {"set-1"}
    assert {used[lead.pk] for lead in control} == {"standard"}
    told = services.standing_explanation(treated[0])
    assert told is not None
    assert told.weight_set == "set-1"


def test_a_lead_whose_deal_has_ended_does_not_enter(tenant: Tenant, broker: User) -> None:
    lead = lead_with_talk(tenant)
    EventFactory(lead=lead, kind=Kind.OPPORTUNITY_WON, occurred_at=NOW - timedelta(hours=1))
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    score(tenant)

    assert not row.entries.exists()


def test_the_treated_of_other_tiers_are_hot_from_elsewhere(tenant: Tenant, broker: User) -> None:
    leads_with_talk(tenant, 30)
    row = started(tenant, broker, cuts=Thresholds(1.0, 0.5, 0.2))
    score(tenant)
    control, treated = arms(row)

    assert {lead.tier for lead in treated} == {"hot"}
    assert "hot" not in {lead.tier for lead in control}
    assert {lead.score for lead in treated} == {lead.score for lead in control}
    assert row.cuts == {"hot": 1.0, "warm": 0.5, "steady": 0.2, "margin": 0.0}


def test_the_treated_of_another_version_are_scored_by_it(tenant: Tenant, broker: User) -> None:
    version = make_model(tenant, now=NOW)
    registry.rollback(engine="scores", tenant=tenant, by=broker)
    version.refresh_from_db()
    services.versions.preview_version(version=version, now=NOW)
    row = started(tenant, broker, model_version=version)
    score(tenant)
    control, treated = arms(row)
    used = dict(LeadScore.objects.values_list("lead_id", "model_version"))

    assert {used[lead.pk] for lead in treated} == {version.name}
    assert {used[lead.pk] for lead in control} == {""}
    assert row.cuts["hot"] == version.preview["cuts"]["hot"]


def test_a_version_that_breaks_leaves_all_leads_to_what_serves(tenant: Tenant, broker: User) -> None:
    version = ModelVersionFactory(tenant=tenant, preview={"at": NOW.isoformat(), "cuts": {}})
    leads_with_talk(tenant, 10)
    row = started(tenant, broker, model_version=version)
    score(tenant)
    version.refresh_from_db()

    assert set(LeadScore.objects.values_list("model_version", "mode")) == {("", "rules")}
    assert row.entries.count() == 10
    assert version.fault


# What is refused


def test_what_cannot_be_tried_is_refused_with_a_reason(
    tenant: Tenant, other_tenant: Tenant, broker: User
) -> None:
    def refused(**tried: object) -> str:
        with pytest.raises(DomainError) as caught:
            planned(tenant, broker, **tried)
        return caught.value.message

    assert "team's own" in refused(weight_set=weight_set(other_tenant))
    assert "above warm" in refused(cuts=Thresholds(40.0, 60.0, 20.0))
    with pytest.raises(DomainError, match="only that"):
        services.plan_experiment(
            tenant=tenant, by=broker, name="x", tries="model", target="closing", wanted=WANTED
        )
    with pytest.raises(DomainError, match="between 0 and 1"):
        Wanted(0.99, 0.5, 20.0).planned()


def test_what_cannot_start_is_refused_with_a_reason(tenant: Tenant, broker: User) -> None:
    def refused(row: Experiment) -> str:
        with pytest.raises(DomainError) as caught:
            services.start_experiment(experiment=row, by=broker, now=NOW)
        return caught.value.message

    unseen = ModelVersionFactory(tenant=tenant)
    assert "preview is missing" in refused(planned(tenant, broker, model_version=unseen))
    silent = ModelVersionFactory(tenant=tenant, state="refused")
    assert "no signal" in refused(planned(tenant, broker, model_version=silent))
    broken = ModelVersionFactory(tenant=tenant, fault="It is damaged.")
    assert "It is damaged." in refused(planned(tenant, broker, model_version=broken))
    serves = ModelVersionFactory(tenant=tenant, state="serving")
    assert "serves already" in refused(planned(tenant, broker, model_version=serves))
    chosen = weight_set(tenant)
    row = planned(tenant, broker, weight_set=chosen)
    WeightSet.objects.update(state="serving")
    assert "serves already" in refused(Experiment.objects.get(pk=row.pk))
    runs = started(tenant, broker, cuts=Thresholds(60.0, 40.0, 20.0))
    assert "running already" in refused(runs)
    assert "Another experiment runs" in refused(planned(tenant, broker, cuts=Thresholds(50.0, 40.0, 20.0)))


def test_while_an_experiment_runs_what_serves_stays(tenant: Tenant, broker: User) -> None:
    version = ModelVersionFactory(tenant=tenant, preview={"at": NOW.isoformat()})
    started(tenant, broker, cuts=Thresholds(60.0, 40.0, 20.0))

    assert is_tried(tenant)
    assert not is_tried(None)
    with pytest.raises(DomainError, match="End it first"):
        services.publish_version(version=version, by=broker)


# What is counted


def test_an_outcome_counts_once_its_ninety_days_are_over(
    tenant: Tenant, broker: User, freeze: Freeze
) -> None:
    leads_with_talk(tenant, 60)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    score(tenant)
    control, treated = (arm[:25] for arm in arms(row))  # a hash divides by chance: no arm is much the larger
    kept = [lead.pk for lead in (*control, *treated)]
    Lead.objects.exclude(pk__in=kept).update(status=Lead.Status.DELETED)
    close(treated[:9], NOW + timedelta(days=5))
    close(control[:2], NOW + timedelta(days=89))
    close(control[2:4], NOW + timedelta(days=90, hours=2))
    gone = control[-1]
    Lead.objects.filter(pk=gone.pk).update(status=Lead.Status.DELETED)
    freeze(NOW + timedelta(days=30))
    early = services.read_experiment(experiment=row, now=NOW + timedelta(days=30))
    freeze(LATER)
    late = services.read_experiment(experiment=row, now=LATER)
    row.refresh_from_db()

    assert (early.control.assigned, early.control.known) == (len(control) - 1, 0)
    assert (late.treated.known, late.treated.closed) == (len(treated), 9)
    assert (late.control.known, late.control.closed) == (len(control) - 1, 2)
    assert row.reading["variants"][1]["closed"] == 9
    assert row.reading["difference"]["value"] == pytest.approx(9 / len(treated) - 2 / (len(control) - 1))
    assert [one["day"] for one in row.course] == ["2026-08-31"]
    assert row.read_at == LATER


def test_kept_appointments_count_where_those_are_wanted(tenant: Tenant, broker: User) -> None:
    leads_with_talk(tenant, 8)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    Experiment.objects.update(target="showing")
    row.refresh_from_db()
    score(tenant)
    _, treated = arms(row)
    EventFactory(lead=treated[0], kind=Kind.APPOINTMENT_SHOWED, occurred_at=NOW + timedelta(days=3))
    close(treated[1:2], NOW + timedelta(days=3))

    found = services.read_experiment(experiment=row, now=LATER)
    assert found.treated.closed == 1
    assert " leads kept an appointment against 0.0% of " in found.sentence


def test_leads_that_opt_out_stop_it(tenant: Tenant, broker: User) -> None:
    leads_with_talk(tenant, 80)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    score(tenant)
    control, treated = arms(row)
    for lead in treated:
        EventFactory(lead=lead, kind=Kind.EMAIL_UNSUBSCRIBED, occurred_at=NOW + timedelta(days=1))
    EventFactory(lead=control[0], kind=Kind.EMAIL_UNSUBSCRIBED, occurred_at=NOW - timedelta(days=1))
    reading = services.read_experiment(experiment=row, now=NOW + timedelta(days=2))
    row.refresh_from_db()

    assert reading.stop == "stop: harm"
    assert row.reading["guards"][0]["broken"] is True
    assert row.reading["guards"][0]["sentence"].startswith("Leads that opted out worse by 1e+02 points")
    assert (row.state, row.ended_by) == ("ended", None)
    assert Event.objects.filter(kind=Kind.EXPERIMENT_ENDED).count() == 1


def test_alerts_are_counted_from_when_a_lead_entered(tenant: Tenant, broker: User) -> None:
    leads_with_talk(tenant, 60)
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    score(tenant)
    Alert.objects.all().delete()
    control, treated = arms(row)
    for lead in treated:
        for number in range(4):
            AlertFactory(lead=lead, raised_at=NOW + timedelta(hours=1 + number))
    AlertFactory(lead=control[0], raised_at=NOW - timedelta(hours=1))
    reading = services.read_experiment(experiment=row, now=NOW + timedelta(days=2))
    alerts = reading.guards[1]

    assert (alerts.guard.control.mean, alerts.guard.treated.mean) == (0.0, 4.0)
    assert alerts.sentence == "Alerts a lead: too few leads yet."


# How it ends


def test_it_ends_by_itself_when_the_treated_surely_do_better(tenant: Tenant, broker: User) -> None:
    leads_with_talk(tenant, 120)
    chosen = weight_set(tenant, engagement=2.0)
    row = started(tenant, broker, weight_set=chosen)
    score(tenant)
    _, treated = arms(row)
    close(treated, NOW + timedelta(days=5))
    assert services.running_experiments() == [row.pk]
    tasks.read_experiments()
    row.refresh_from_db()
    assert row.state == "running"
    services.read_experiment(experiment=row, now=LATER)
    row.refresh_from_db()

    assert (row.state, row.reading["stop"], row.ended_at) == ("ended", "stop: won", LATER)
    assert row.reading["difference"]["low"] > 0.5
    assert services.running_experiments() == []
    assert services.may_take_over(row)
    services.take_over(experiment=row, by=broker, now=LATER)
    row.refresh_from_db()
    chosen.refresh_from_db()
    serving.forget()
    assert (chosen.state, row.served_at) == ("serving", LATER)
    assert chosen.reason == "Taken over from the experiment “Try it”, which it won."
    assert serving.served_for([tenant.pk])[tenant.pk].weight_set == "set-1"
    with pytest.raises(DomainError, match="Only what has won"):
        services.take_over(experiment=row, by=broker, now=LATER)


def test_what_was_ended_by_hand_is_not_taken_over(tenant: Tenant, broker: User) -> None:
    row = started(tenant, broker, weight_set=weight_set(tenant, engagement=2.0))
    ended = services.end_experiment(experiment=row, by=broker, now=NOW)

    assert (ended.state, ended.ended_by) == ("ended", broker)
    assert not services.may_take_over(ended)
    with pytest.raises(DomainError, match="does not run"):
        services.end_experiment(experiment=row, by=broker, now=NOW)
    with pytest.raises(DomainError, match="what it found is kept"):
        services.discard_experiment(experiment=ended)
    assert services.read_experiment(experiment=ended, now=NOW).stop == "keep running"


def won(tenant: Tenant, **given: object) -> Experiment:
    row: Experiment = ExperimentFactory(
        tenant=tenant, state="ended", reading={"stop": "stop: won"}, ended_at=NOW, **given
    )
    return row


def test_tiers_that_won_hold_under_the_rules(tenant: Tenant, broker: User) -> None:
    row = won(tenant, cuts={"hot": 60.0, "warm": 40.0, "steady": 20.0, "margin": 0.0})
    services.take_over(experiment=row, by=broker, now=NOW)
    settings = AlertSettings.objects.get(tenant=tenant)

    assert (settings.hot_score, settings.warm_score, settings.steady_score) == (60, 40, 20)
    assert Event.objects.filter(kind=Kind.THRESHOLDS_CHANGED).count() == 1


def test_tiers_that_won_hold_under_a_model_until_the_broker_says_otherwise(
    tenant: Tenant, broker: User
) -> None:
    version = make_model(tenant, now=NOW)
    row = won(tenant, cuts={"hot": 60.0, "warm": 40.0, "steady": 20.0, "margin": 1.5})
    services.take_over(experiment=row, by=broker, now=NOW)
    kept = TierCuts.objects.get()

    assert (kept.model, kept.is_held, kept.cuts[""]["hot"]) == (version.name, True, 60.0)
    assert kept.cuts[""]["reasons"] == ["Taken over from the experiment “Sooner hot”, which it won."]
    assert not services.choose_tiers(tenant=tenant, now=NOW)
    assert services.standing_tiers(tenant).cuts[""]["margin"] == 1.5
    services.set_capacity(tenant=tenant, hot_a_week=5, least_precision=0.0, by=broker)
    assert services.choose_tiers(tenant=tenant, now=NOW)
    assert not TierCuts.objects.get().is_held


def test_a_version_that_won_serves(tenant: Tenant, broker: User) -> None:
    version = ModelVersionFactory(tenant=tenant)
    row = won(tenant, tries="model", cuts={}, model_version=version)
    services.take_over(experiment=row, by=broker, now=NOW)
    version.refresh_from_db()

    assert version.state == ModelVersion.State.SERVING
    assert version.reason == "Taken over from the experiment “Sooner hot”, which it won."


def test_the_leads_of_an_experiment_go_with_it(tenant: Tenant) -> None:
    row = ExperimentFactory(tenant=tenant)
    entry = ExperimentLead.objects.create(
        experiment=row, lead=LeadFactory(tenant=tenant), is_treated=False, entered_at=NOW
    )

    assert (str(row), str(entry)) == (f"experiment {row.pk}", f"lead {entry.lead_id} in experiment {row.pk}")
    services.discard_experiment(experiment=row)
    assert not ExperimentLead.objects.exists()
