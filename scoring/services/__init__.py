"""Score leads as their events come, and again as time passes."""

from scoring.services.decay import rescore, rescore_stale, rescore_tenant, tenants_to_rescore
from scoring.services.events import score_leads

__all__ = ["rescore", "rescore_stale", "rescore_tenant", "score_leads", "tenants_to_rescore"]
