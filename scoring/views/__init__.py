"""Pages of scoring."""

from __future__ import annotations

from scoring.views.experiments import (
    discard_experiment,
    end_experiment,
    experiment,
    experiment_list,
    new_experiment,
    set_exploration,
    start_experiment,
    take_over,
)
from scoring.views.lead import lead_change, lead_panel
from scoring.views.market import (
    import_file,
    keep_month,
    keep_rate,
    market,
    remove_month,
    remove_rate,
    use_market,
)
from scoring.views.overrides import override, withdraw_override
from scoring.views.proof import overview
from scoring.views.runs import run_progress
from scoring.views.tiers import set_capacity, tiers
from scoring.views.versions import (
    preview_version,
    publish_version,
    roll_back_version,
    shadow_version,
    train,
    version,
    version_list,
)
from scoring.views.weights import (
    discard_weights,
    draft_weights,
    edit_weights,
    learn_weights,
    preview_weights,
    publish_weights,
    roll_back_weights,
    use_personal,
    weight_set,
    weights,
)

__all__ = [
    "discard_weights",
    "draft_weights",
    "edit_weights",
    "learn_weights",
    "preview_weights",
    "publish_weights",
    "roll_back_weights",
    "use_personal",
    "weight_set",
    "weights",
    "override",
    "withdraw_override",
    "import_file",
    "keep_month",
    "keep_rate",
    "market",
    "remove_month",
    "remove_rate",
    "use_market",
    "lead_change",
    "discard_experiment",
    "end_experiment",
    "experiment",
    "experiment_list",
    "lead_panel",
    "new_experiment",
    "start_experiment",
    "take_over",
    "overview",
    "preview_version",
    "publish_version",
    "roll_back_version",
    "run_progress",
    "set_capacity",
    "set_exploration",
    "shadow_version",
    "tiers",
    "train",
    "version",
    "version_list",
]
