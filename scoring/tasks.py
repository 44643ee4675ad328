"""Celery's interface to scoring: fetch by id, call one service."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from leads.bus import subscribe
from leads.events import BEHAVIOR, Kind
from leads.models import ModelRun, Tenant
from scoring import services
from scoring.models import Experiment, ScoreQuery


@subscribe(*BEHAVIOR)
@shared_task(ignore_result=True)
def score_events(event_ids: list[int]) -> None:
    """Rescore the leads these events are about."""
    services.score_leads(event_ids=event_ids)


@subscribe(
    Kind.THRESHOLDS_CHANGED,
    Kind.MODEL_CHANGED,
    Kind.WEIGHTS_CHANGED,
    Kind.MARKET_UPDATED,
    Kind.EXPERIMENT_STARTED,
    Kind.EXPERIMENT_ENDED,
)
@shared_task(ignore_result=True)
def follow_changes(event_ids: list[int]) -> None:
    """Keep what events tell of the market, and queue new scores for the leads of tenants with changes.

    Those are changes of tiers, model, weights, market or experiment. What could not be queued is made up for
    within the hour, when time is let count.
    """
    services.take_told_market(event_ids=event_ids)
    for tenant_id in services.tenants_to_rescore(event_ids=event_ids):
        transaction.on_commit(partial(rescore_tenant.delay, tenant_id), robust=True)


@shared_task(ignore_result=True)
def rescore_tenant(tenant_id: int, after: int = 0) -> None:
    """Choose a tenant's tiers, score some of its leads anew, and queue the next."""
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is None:
        return
    if not after:
        services.choose_tiers(tenant=tenant, now=timezone.now())
    last = services.rescore_tenant(tenant_id=tenant_id, after=after)
    if last is not None:
        rescore_tenant.delay(tenant_id, last)


@shared_task(ignore_result=True)
def rescore_stale() -> None:
    """Let time count for the leads not scored for an hour."""
    services.rescore_stale()


@shared_task(ignore_result=True)
def choose_all_tiers() -> None:
    """Queue the choice of every tenant's tiers."""
    for tenant_id in services.tenants_with_models():
        choose_tiers.delay(tenant_id)


@shared_task(ignore_result=True)
def choose_tiers(tenant_id: int) -> None:
    """Choose a tenant's tiers from its leads of late, and score them anew where tiers moved."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None and services.choose_tiers(tenant=tenant, now=timezone.now()):
        rescore_tenant.delay(tenant_id)


@shared_task(ignore_result=True)
def read_experiments() -> None:
    """Queue a look at every experiment that runs."""
    for experiment_id in services.running_experiments():
        read_experiment.delay(experiment_id)


@shared_task(ignore_result=True)
def read_experiment(experiment_id: int) -> None:
    """See how an experiment stands, and end it where its stop rule says so."""
    experiment = Experiment.objects.filter(pk=experiment_id).select_related("tenant").first()
    if experiment is not None:
        services.read_experiment(experiment=experiment, now=timezone.now())


@shared_task(ignore_result=True)
def score_all_in_shadow() -> None:
    """Queue a night's work in shadow for every tenant with some."""
    for tenant_id in services.tenants_with_shadows():
        score_in_shadow.delay(tenant_id)


@shared_task(ignore_result=True)
def score_in_shadow(tenant_id: int) -> None:
    """Let the version in shadow score, and grade what it said long enough ago."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None:
        services.score_in_shadow(tenant=tenant, now=timezone.now())
        services.grade_shadows(tenant=tenant, now=timezone.now())


@shared_task(ignore_result=True)
def begin_trainings() -> None:
    """Begin the first training of every tenant whose history has come in."""
    for tenant in Tenant.objects.filter(pk__in=services.tenants_to_begin()):
        run, is_new = services.begin_training(tenant=tenant, by=None)
        if is_new:
            carry_out_run.delay(run.pk)


@shared_task(ignore_result=True)
def retrain_all() -> None:
    """Queue every tenant's training for the night, the market's first."""
    retrain_scores.delay(None)
    for tenant_id in services.tenants_to_train():
        retrain_scores.delay(tenant_id)


@shared_task(ignore_result=True)
def retrain_scores(tenant_id: int | None) -> None:
    """Train anew on what became of a tenant's leads, or of everybody's, and let the better model serve."""
    services.retrain_nightly(tenant_id=tenant_id)
    tenant = Tenant.objects.filter(pk=tenant_id).first() if tenant_id is not None else None
    if tenant is not None:
        services.watch(tenant=tenant, now=timezone.now())


@shared_task(ignore_result=True)
def retrain_all_personal() -> None:
    """Queue the night's fitting of weights to single leads."""
    for tenant_id in services.tenants_to_fit():
        retrain_personal.delay(tenant_id)


@shared_task(ignore_result=True)
def retrain_personal(tenant_id: int) -> None:
    """Fit weights to the leads of a tenant by their own past."""
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is not None:
        services.fit_personal(tenant=tenant, now=timezone.now())


@shared_task(ignore_result=True)
def carry_out_run(run_id: int) -> None:
    """Do the training or the preview a broker asked for."""
    run = ModelRun.objects.filter(pk=run_id).select_related("tenant", "version").first()
    if run is not None:
        services.carry_out_run(run=run)


@shared_task(ignore_result=True)
def tend_overrides() -> None:
    """End what agents said that has faded, and grade it against the score once the outcome is known."""
    services.tend_overrides()


@shared_task(ignore_result=True)
def answer_query(query_id: int) -> None:
    """Answer what a lead scored at a moment."""
    query = ScoreQuery.objects.filter(pk=query_id).select_related("lead").first()
    if query is not None:
        services.answer_query(query=query)


@shared_task(ignore_result=True)
def tend_queries() -> None:
    """Queue questions again that were lost on the way, and forget those of more than a day ago."""
    services.prune_queries()
    for query_id in services.lost_queries():
        answer_query.delay(query_id)
