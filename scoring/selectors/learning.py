"""The rows a model learns from: leads at moments of their past, and what came of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from leads.events import Kind
from leads.ghl.writeback import OWN_KEYS
from leads.ml import features
from leads.ml.catalogue import INDEX, NAMES, QUESTIONS
from leads.ml.custom import ANSWER, Value
from leads.ml.features import EventFact, FeatureVector, State
from leads.models import CustomField, Event, Lead, Tenant
from leads.models.leads import Tier
from leads.selectors.histories import CHUNK, facts_before_change, histories_of
from scoring.cohorts import Cohort, cohort_of
from scoring.experiments.exploration import learning_weights
from scoring.models import LeadScore
from scoring.outcomes import (
    ACTIVE_WITHIN,
    HORIZON,
    OUTCOME_KINDS,
    Look,
    Outcome,
    Target,
    looks,
    recent_looks,
)
from scoring.own import Chosen, FieldName, OwnFields, choose_fields

LEFT_OUT = {
    "won": "it is the outcome",
    "lost": "it is the outcome",
    "email_opens": "image proxies open mails by themselves",
    "answers": "the record keeps no history: what was filled in when is not known",
    "profile_quality": "the record keeps no history: what was filled in when is not known",
    **{
        f"answered_{question}": "the record keeps no history: what was filled in when is not known"
        for question in QUESTIONS
    },
}
"""Features no model may learn from, and why."""

_BLANK = [INDEX[name] for name in LEFT_OUT]
"""Columns that are nought in every row: what never varies is never learned from."""
MOST_LEADS = 100_000
CHANCE_STANDS = timedelta(days=7)
"""A draw of whether a lead is hot holds for a week."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a model learns from: a row is a lead at a moment; all arrays have one entry a row.

    The matrix has a column for every feature of the catalogue, those left out being nought.
    """

    target: Target
    lead_ids: NDArray[np.int64]
    tenant_ids: NDArray[np.int64]
    segments: NDArray[np.str_]
    at: NDArray[np.float64]
    known_at: NDArray[np.float64]
    came: NDArray[np.bool_]
    matrix: NDArray[np.float64] = field(repr=False)
    custom: tuple[Mapping[str, Value], ...] = field(repr=False)
    """What the tenant's own fields held."""
    weights: NDArray[np.float64] = field(repr=False)
    """How much each row counts; one where chance had no part in whether the lead was hot."""
    sources: tuple[str, ...] = field(repr=False)
    declared: tuple[Collection[str], ...] = field(repr=False)
    """What the lead had said of its plans."""

    def __len__(self) -> int:
        return len(self.came)

    @property
    def leads(self) -> int:
        """Return how many leads the rows are of."""
        return len(np.unique(self.lead_ids))

    @property
    def leads_that_came(self) -> int:
        """Return for how many leads the outcome came."""
        return len(np.unique(self.lead_ids[self.came]))

    @property
    def has_own(self) -> bool:
        """Tell whether anything of the tenant's own fields is known of any row."""
        return any(self.custom)

    def vectors(self) -> list[FeatureVector]:
        """Return each row as serving would see it."""
        return [
            FeatureVector(values, custom=custom, at=at, source=source, declared=declared)
            for values, custom, at, source, declared in zip(
                self.matrix, self.custom, self.at.tolist(), self.sources, self.declared, strict=True
            )
        ]

    def cohorts(self) -> list[Cohort]:
        """Return which leads each row's lead was like, as serving would see it."""
        return [cohort_of(vector) for vector in self.vectors()]

    def with_own(self, own: OwnFields) -> NDArray[np.float64]:
        """Return the matrix with the features of the tenant's own fields after the others."""
        return (
            np.hstack([self.matrix, own.encode(self.custom, self.at.tolist())]) if own.fields else self.matrix
        )

    def only(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.target,
            self.lead_ids[chosen],
            self.tenant_ids[chosen],
            self.segments[chosen],
            self.at[chosen],
            self.known_at[chosen],
            self.came[chosen],
            self.matrix[chosen],
            tuple(self.custom[row] for row in np.flatnonzero(chosen)),
            self.weights[chosen],
            tuple(self.sources[row] for row in np.flatnonzero(chosen)),
            tuple(self.declared[row] for row in np.flatnonzero(chosen)),
        )


def training_rows(
    *,
    tenant: Tenant | None,
    now: datetime,
    target: Target,
    progress: Callable[[int, int], None] | None = None,
) -> Rows:
    """Return the rows of a tenant's leads, or of everybody's, in the order of time.

    They are replayed through the functions serving uses. The newest leads are taken where there are many.
    """
    waiting = Lead.objects.active() if tenant is None else Lead.objects.active().for_tenant(tenant)
    keys = sorted(waiting.order_by("-pk").values_list("pk", flat=True)[:MOST_LEADS])
    found: list[tuple[Lead, Look, FeatureVector]] = []
    chances: dict[int, list[_Chance]] = {}
    for start in range(0, len(keys), CHUNK):
        leads = list(Lead.objects.filter(pk__in=keys[start : start + CHUNK]))
        histories, outcomes = histories_of(leads, until=now), outcomes_of(leads, until=now)
        chances |= _chances(keys[start : start + CHUNK])
        for lead in leads:
            facts = sorted(histories.pop(lead.pk), key=lambda fact: fact.key)
            found.extend(_rows(lead, facts, outcomes[lead.pk], target, now))
        if progress is not None:
            progress(min(start + CHUNK, len(keys)), len(keys))
    found.sort(key=lambda row: (row[1].at, row[0].pk))
    drawn = [_standing(chances.get(lead.pk, ()), look.at) for lead, look, _ in found]
    return Rows(
        target=target,
        lead_ids=np.array([lead.pk for lead, _, _ in found], dtype=np.int64),
        tenant_ids=np.array([lead.tenant_id for lead, _, _ in found], dtype=np.int64),
        segments=np.array([lead.segment for lead, _, _ in found], dtype=np.str_),
        at=np.array([look.at.timestamp() for _, look, _ in found]),
        known_at=np.array([look.known_at.timestamp() for _, look, _ in found]),
        came=np.array([look.came for _, look, _ in found], dtype=np.bool_),
        matrix=np.array([vector.values for _, _, vector in found]).reshape(len(found), len(NAMES)),
        custom=tuple(vector.custom for _, _, vector in found),
        weights=learning_weights(
            np.array([one is not None and one.is_hot for one in drawn], dtype=np.bool_),
            np.array([np.nan if one is None else one.propensity for one in drawn]),
        ),
        sources=tuple(vector.source for _, _, vector in found),
        declared=tuple(vector.declared for _, _, vector in found),
    )


def own_fields(*, tenant: Tenant, rows: Rows) -> Chosen:
    """Return which of a tenant's own fields a model may learn from, judged on its rows alone."""
    fields = CustomField.objects.filter(tenant=tenant)
    names = {field.key: FieldName(field.name, field.data_type) for field in fields}
    names |= {ANSWER + question: FieldName(f"Answer on {question}") for question in QUESTIONS}
    return choose_fields(rows.custom, rows.came, rows.at, rows.lead_ids, names, hidden=OWN_KEYS)


@dataclass(frozen=True, slots=True)
class _Chance:
    """Whether a lead was hot from a moment on, and the chance it had of it."""

    at: datetime
    is_hot: bool
    propensity: float


def _chances(lead_ids: Sequence[int]) -> dict[int, list[_Chance]]:
    """Return the chances each lead had of being hot, oldest first; of those that were explored among."""
    rows = LeadScore.objects.filter(lead__in=lead_ids, propensity__isnull=False).order_by("event_at", "pk")
    found: defaultdict[int, list[_Chance]] = defaultdict(list)
    for lead_id, at, tier, propensity in rows.values_list("lead_id", "event_at", "tier", "propensity"):
        found[lead_id].append(_Chance(at, tier == Tier.HOT, propensity or 0.0))
    return found


def _standing(chances: Sequence[_Chance], at: datetime) -> _Chance | None:
    """Return the chance that stood at a moment: of the last score within the week before it."""
    before = [one for one in chances if at - CHANCE_STANDS <= one.at <= at]
    return before[-1] if before else None


def recent_rows(*, tenant: Tenant, now: datetime, target: Target) -> list[FeatureVector]:
    """Return the features of open leads at moments whose outcome nobody knows yet."""
    alive = Lead.objects.active().for_tenant(tenant).filter(last_event_at__gt=now - HORIZON - ACTIVE_WITHIN)
    keys = sorted(alive.order_by("-pk").values_list("pk", flat=True)[:MOST_LEADS])
    found: list[FeatureVector] = []
    for start in range(0, len(keys), CHUNK):
        leads = list(Lead.objects.filter(pk__in=keys[start : start + CHUNK]))
        histories, outcomes = histories_of(leads, until=now), outcomes_of(leads, until=now)
        for lead in leads:
            facts = sorted(histories.pop(lead.pk), key=lambda fact: fact.key)
            moments = recent_looks(_acts(facts), outcomes[lead.pk], target=target, now=now)
            found.extend(_at(lead, facts, moments))
    return found


def outcomes_of(leads: Sequence[Lead], *, until: datetime) -> dict[int, list[Outcome]]:
    """Return what became of each lead up to a moment, oldest first; of leads merged into it, too."""
    survivors = {lead.pk: lead.pk for lead in leads}
    survivors |= dict(
        Lead.objects.filter(merged_into__in=list(survivors)).values_list("pk", "merged_into_id")
    )
    rows = Event.objects.filter(
        tenant_id__in={lead.tenant_id for lead in leads},
        lead_id__in=list(survivors),
        kind__in=OUTCOME_KINDS,
        occurred_at__lte=until,
    ).order_by("occurred_at", "pk")
    found: defaultdict[int, list[Outcome]] = defaultdict(list)
    for lead_id, kind, at, data in rows.values_list("lead_id", "kind", "occurred_at", "data"):
        found[survivors[lead_id]].append(Outcome(at, kind, str(data.get("mark", ""))))
    return found


def _rows(
    lead: Lead, facts: Sequence[EventFact], outcomes: Sequence[Outcome], target: Target, now: datetime
) -> Iterator[tuple[Lead, Look, FeatureVector]]:
    """Yield a lead's rows, each from what had happened by then and nothing later."""
    found = looks(_acts(facts), outcomes, target=target, now=now)
    for look, vector in zip(found, _at(lead, facts, [look.at for look in found]), strict=True):
        yield lead, look, vector


def _acts(facts: Sequence[EventFact]) -> list[datetime]:
    """Return when something was done by or with a lead; that a file told more of it is not such."""
    return [
        fact.occurred_at
        for fact in facts
        if fact.kind != Kind.CONTACT_UPDATED or "import_id" not in fact.data
    ]


def _at(lead: Lead, facts: Sequence[EventFact], moments: Sequence[datetime]) -> Iterator[FeatureVector]:
    """Yield a lead's features at rising moments."""
    state: State = {}
    done = 0
    record = facts_before_change(lead)
    for at in moments:
        while done < len(facts) and facts[done].occurred_at <= at:
            state = features.advance(state, facts[done])
            done += 1
        vector = features.vector(state, at, record)
        vector.values[_BLANK] = 0.0
        yield vector
