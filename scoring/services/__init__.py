"""Score leads as their events come, and again as time passes."""

from scoring.services.decay import rescore, rescore_stale, rescore_tenant, tenants_to_rescore
from scoring.services.events import score_leads
from scoring.services.queries import answer_query, ask_score, lost_queries, prune_queries, wait_for_answer

__all__ = [
    "answer_query",
    "ask_score",
    "lost_queries",
    "prune_queries",
    "rescore",
    "rescore_stale",
    "rescore_tenant",
    "score_leads",
    "tenants_to_rescore",
    "wait_for_answer",
]
