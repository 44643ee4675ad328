"""Forms of scoring's pages."""

from scoring.forms.capacity import CapacityForm
from scoring.forms.experiments import ExperimentForm
from scoring.forms.exploration import ExplorationForm
from scoring.forms.market import MarketFileForm, MarketUseForm, MonthForm, RateForm
from scoring.forms.moments import DAYS, ChangeForm
from scoring.forms.overrides import OverrideForm
from scoring.forms.weights import WeightsForm

__all__ = [
    "CapacityForm",
    "ChangeForm",
    "DAYS",
    "ExperimentForm",
    "ExplorationForm",
    "MarketFileForm",
    "MarketUseForm",
    "MonthForm",
    "OverrideForm",
    "RateForm",
    "WeightsForm",
]
