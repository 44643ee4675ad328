"""Score leads as their events come, and again as time passes."""

from scoring.services.decay import rescore, rescore_stale, rescore_tenant, tenants_to_rescore
from scoring.services.events import score_leads
from scoring.services.explaining import score_at, standing_explanation
from scoring.services.learning import decide, retrain, retrain_nightly, tenants_to_train
from scoring.services.queries import answer_query, ask_score, lost_queries, prune_queries, wait_for_answer
from scoring.services.tiers import capacity_of, choose_tiers, set_capacity, tenants_with_models

__all__ = [
    "capacity_of",
    "choose_tiers",
    "set_capacity",
    "tenants_with_models",
    "decide",
    "retrain",
    "retrain_nightly",
    "tenants_to_train",
    "answer_query",
    "ask_score",
    "lost_queries",
    "prune_queries",
    "rescore",
    "rescore_stale",
    "rescore_tenant",
    "score_at",
    "score_leads",
    "standing_explanation",
    "tenants_to_rescore",
    "wait_for_answer",
]
