"""What an agent can do to lift a lead's tier, reckoned by what serves it from what is remembered of it."""

from __future__ import annotations

from functools import partial

from django.utils import timezone

from leads.ml import features
from leads.models import Lead
from leads.selectors.alerts import settings_of
from leads.selectors.histories import facts_of, state_at
from scoring import levers, selectors
from scoring.engine import Tier
from scoring.levers import Lift
from scoring.services import serving
from scoring.services.explaining import served_as
from scoring.services.work import not_before

MOST = 3


def lifts_of(lead: Lead) -> list[Lift] | None:
    """Return the smallest lifts of a lead; None where none is sought: it is hot, has ended or refused."""
    if lead.status != Lead.Status.ACTIVE or lead.score is None or lead.tier == Tier.HOT:
        return None
    now = timezone.now()
    kept = selectors.states([lead.pk])
    state = kept[lead.pk] if lead.pk in kept else state_at(lead)
    at = not_before(state, now) if state else now
    served = served_as(lead, selectors.CURRENT)
    settings = settings_of([lead.tenant_id])[lead.tenant_id]
    case = served.case(lead, features.vector(state, at, facts_of(lead)), settings, served.personal_of([lead]))
    if not levers.levers_for(case.vector):
        return None
    score = partial(serving.score_cases, model=served.model, now=at)
    return levers.lifts([case], score=score, held=[Tier(lead.tier)], most=MOST)[0]
