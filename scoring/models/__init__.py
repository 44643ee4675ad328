"""Rows of scoring: predictions, tiers, weights, the market, experiments, shadows, agents' own views."""

from scoring.models.experiments import Experiment, ExperimentLead
from scoring.models.market import MarketMonth, MortgageRate
from scoring.models.overrides import ScoreOverride
from scoring.models.predictions import LeadScore, ScoreQuery
from scoring.models.shadows import ShadowScore
from scoring.models.tiers import TierCuts
from scoring.models.weights import PersonalWeights, WeightSet, WeightSettings

__all__ = [
    "Experiment",
    "ExperimentLead",
    "LeadScore",
    "MarketMonth",
    "MortgageRate",
    "PersonalWeights",
    "ScoreOverride",
    "ScoreQuery",
    "ShadowScore",
    "TierCuts",
    "WeightSet",
    "WeightSettings",
]
