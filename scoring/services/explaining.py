"""Scores worked out anew: at any past moment, under any stored model, and why a standing is what it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from leads.ml.catalogue import VERSION
from leads.ml.features import FeatureVector, LeadFacts, vector
from leads.models import Lead, ModelVersion
from leads.selectors.alerts import settings_of
from leads.selectors.histories import facts_of, state_at
from scoring import engine, selectors
from scoring.selectors import CURRENT, RULES, Explanation
from scoring.services import serving
from scoring.services.serving import Served
from scoring.services.work import not_before


def score_at(lead: Lead, at: datetime, *, model: str = CURRENT) -> engine.Score:
    """Return the score a lead had at a past moment; weights and tiers are those of now."""
    served = served_as(lead, model)
    return serving.score_cases([case_at(lead, at, served)], served.model, now=at)[0]


def case_at(lead: Lead, at: datetime, served: Served) -> engine.Case:
    """Return a lead as it was at a past moment, by replaying its log up to then.

    The record itself (source, answers of the form) is taken as it is now: it keeps no history. Only before
    the lead was known at all, nothing of it counts.
    """
    state = state_at(lead, until=at)
    is_known = bool(state) or at >= lead.created_at
    return _case(lead, vector(state, at, facts_of(lead) if is_known else LeadFacts()), served)


def served_as(lead: Lead, model: str) -> Served:
    """Return what serves the lead's tenant, with the model asked for in its place."""
    served = serving.served_for([lead.tenant_id])[lead.tenant_id].of(lead.pk)
    if model in (CURRENT, served.version):
        return served
    if model == RULES:
        return replace(served, version="", model=None)
    version = ModelVersion.objects.get(name=model, engine=serving.ENGINE)
    return replace(served, version=version.name, model=serving.load(version), cuts=version.cuts)


def standing_explanation(lead: Lead) -> Explanation | None:
    """Return why the lead's score is what it is; None before its first score.

    The newest prediction is of the newest event. A standing that time, or history filled in later, has
    moved since is worked out again as of the moment it was set, from what was remembered then.
    """
    row = selectors.latest_score(lead)
    if row is None or lead.scored_at is None or row.score == lead.score:
        return selectors.explanation(row) if row is not None else None
    served = served_as(lead, CURRENT)
    case = _case_set(lead, lead.scored_at, served)
    now = serving.score_cases([case], served.model, now=lead.scored_at)[0]
    if not serving.is_ended(case.vector):
        now = served.explored(lead.pk, now, lead.scored_at)
    now = replace(now, tier=engine.Tier(lead.tier))
    return selectors.explained(now, feature_version=VERSION, event_at=row.event_at, scored_at=lead.scored_at)


def _case_set(lead: Lead, at: datetime, served: Served) -> engine.Case:
    """Return a lead as it was when its standing was set: from the state that was made of, else the log."""
    state = selectors.states([lead.pk]).get(lead.pk)
    if not state:
        return case_at(lead, at, served)
    return _case(lead, vector(state, not_before(state, at), facts_of(lead)), served)


def _case(lead: Lead, features: FeatureVector, served: Served) -> engine.Case:
    settings = settings_of([lead.tenant_id])[lead.tenant_id]
    return served.case(lead, features, settings, served.personal_of([lead]))


def weights_explained(lead: Lead, told: Explanation) -> list[str]:
    """Return, for each part of a score that did not count once, a sentence why."""
    if all(weight == 1.0 for _, _, _, weight in told.pillars):
        return []
    return selectors.weight_reasons(lead, told, serving.served_for([lead.tenant_id])[lead.tenant_id].market)
