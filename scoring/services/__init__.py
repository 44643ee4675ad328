"""Score leads as their events come, and again as time passes."""

from scoring.services.changing import AskedChange, ask_change, wait_for_change
from scoring.services.decay import rescore, rescore_stale, rescore_tenant, tenants_to_rescore
from scoring.services.events import score_leads
from scoring.services.experiments import (
    Wanted,
    discard_experiment,
    end_experiment,
    may_take_over,
    plan_experiment,
    plan_of,
    read_experiment,
    running_experiments,
    start_experiment,
    take_over,
)
from scoring.services.explaining import score_at, standing_explanation
from scoring.services.learning import LEAST_CAME, decide, retrain, retrain_nightly, tenants_to_train
from scoring.services.lifting import lifts_of
from scoring.services.market import (
    Imported,
    import_market,
    keep_market,
    remove_month,
    remove_rate,
    set_market_use,
)
from scoring.services.queries import answer_query, ask_score, lost_queries, prune_queries, wait_for_answer
from scoring.services.serving import ENGINE
from scoring.services.tiers import (
    capacity_of,
    capacity_row,
    choose_tiers,
    set_capacity,
    set_exploration,
    standing_tiers,
    tenants_with_models,
)
from scoring.services.versions import (
    begin_training,
    begin_version_preview,
    carry_out_run,
    is_looked_at,
    publish_version,
    roll_back_version,
)

__all__ = [
    "lifts_of",
    "Imported",
    "import_market",
    "keep_market",
    "remove_month",
    "remove_rate",
    "set_market_use",
    "AskedChange",
    "ask_change",
    "wait_for_change",
    "ENGINE",
    "LEAST_CAME",
    "Wanted",
    "discard_experiment",
    "end_experiment",
    "may_take_over",
    "plan_experiment",
    "plan_of",
    "read_experiment",
    "running_experiments",
    "start_experiment",
    "take_over",
    "begin_training",
    "begin_version_preview",
    "carry_out_run",
    "is_looked_at",
    "publish_version",
    "roll_back_version",
    "capacity_of",
    "capacity_row",
    "standing_tiers",
    "choose_tiers",
    "set_capacity",
    "set_exploration",
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
