"""What became of the leads of an experiment, variant by variant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from leads.events import Kind
from leads.models import Alert, Event, Lead, Tenant
from scoring.experiments.results import Arm, Guard
from scoring.experiments.sequential import Sample
from scoring.models import Experiment, ExperimentLead, LeadScore
from scoring.outcomes import HORIZON, Target, came_after
from scoring.selectors.learning import outcomes_of

CHUNK = 1_000
MOST_LOST = 0.01
"""Share of leads that may opt out beyond what they do without: who is lost cannot be asked again."""
MOST_ALERTS = 1.0
"""Alerts a lead beyond what there are without: what rings too often is heard no more."""
COMING_DAYS = 90

_LEFT = (Kind.EMAIL_UNSUBSCRIBED, Kind.EMAIL_COMPLAINED)


@dataclass(slots=True)
class Counts:
    """What is known of one variant's leads."""

    assigned: int = 0
    known: int = 0
    closed: int = 0
    left: int = 0
    alerts: int = 0
    squared_alerts: int = 0

    def arm(self, name: str) -> Arm:
        """Return what the results are read from."""
        return Arm(name, self.assigned, self.known, self.closed)

    @property
    def alerts_a_lead(self) -> Sample:
        """Return the mean number of alerts of a lead, with its spread."""
        if not self.assigned:
            return Sample.of_values(0, 0.0, 0.0)
        mean = self.alerts / self.assigned
        return Sample.of_values(
            self.assigned, mean, sqrt(max(0.0, self.squared_alerts / self.assigned - mean * mean))
        )


def experiment_counts(experiment: Experiment, *, now: datetime) -> tuple[Counts, Counts]:
    """Return what became of the control's leads and of the treated.

    A lead's outcome is known once its 90 days are over: counting closings as they come and the rest not yet
    would make both look better than they are. Leads merged or deleted since are in neither.
    """
    control, treated = Counts(), Counts()
    entries = experiment.entries.filter(lead__status=Lead.Status.ACTIVE)
    last = 0
    while chunk := list(entries.filter(pk__gt=last).order_by("pk").select_related("lead")[:CHUNK]):
        last = chunk[-1].pk
        _count(experiment, chunk, control, treated, now)
    return control, treated


def _count(
    experiment: Experiment,
    chunk: Sequence[ExperimentLead],
    control: Counts,
    treated: Counts,
    now: datetime,
) -> None:
    leads = [entry.lead for entry in chunk]
    outcomes = outcomes_of(leads, until=now)
    entered = {entry.lead_id: entry.entered_at for entry in chunk}
    alerts, left = _alerts(entered), _left(experiment.tenant_id, entered)
    for entry in chunk:
        side = treated if entry.is_treated else control
        side.assigned += 1
        side.left += entry.lead_id in left
        side.alerts += alerts[entry.lead_id]
        side.squared_alerts += alerts[entry.lead_id] ** 2
        if entry.entered_at + HORIZON <= now:
            side.known += 1
            came = came_after(outcomes[entry.lead_id], entry.entered_at, target=Target(experiment.target))
            side.closed += came is not None


def _alerts(entered: Mapping[int, datetime]) -> Counter[int]:
    """Return how many alerts each lead raised since it entered."""
    rows = Alert.objects.filter(lead__in=list(entered), raised_at__gte=min(entered.values()))
    return Counter(
        lead_id
        for lead_id, at in rows.values_list("lead_id", "raised_at").iterator()
        if at >= entered[lead_id]
    )


def _left(tenant_id: int, entered: Mapping[int, datetime]) -> set[int]:
    """Return the leads that opted out of mails since they entered, or called one spam."""
    rows = Event.objects.filter(
        tenant_id=tenant_id,
        lead__in=list(entered),
        kind__in=_LEFT,
        occurred_at__gte=min(entered.values()),
    )
    told = rows.values_list("lead_id", "occurred_at")
    return {lead_id for lead_id, at in told if lead_id is not None and at >= entered[lead_id]}


def guards_of(control: Counts, treated: Counts) -> tuple[Guard, ...]:
    """Return what may not get worse, whatever else gets better."""
    return (
        Guard(
            "Leads that opted out",
            Sample.of_share(control.left, control.assigned),
            Sample.of_share(treated.left, treated.assigned),
            MOST_LOST,
        ),
        Guard(
            "Alerts a lead",
            control.alerts_a_lead,
            treated.alerts_a_lead,
            MOST_ALERTS,
            unit="alerts",
        ),
    )


def explored_in_a_week(tenant: Tenant, *, now: datetime) -> int:
    """Return for how many leads chance decided within the last week whether they are hot."""
    rows = LeadScore.objects.filter(tenant=tenant, scored_at__gt=now - timedelta(days=7), is_explored=True)
    return rows.values("lead").distinct().count()


def leads_a_day(tenant: Tenant, *, now: datetime) -> float:
    """Return how many leads came in a day, over the last 90 days."""
    came = Lead.objects.active().for_tenant(tenant).filter(created_at__gt=now - timedelta(days=COMING_DAYS))
    return came.count() / COMING_DAYS
