"""Try one way of scoring against another: who gets which, what may be concluded, exploration; pure."""

from scoring.experiments.assignment import drawn, mismatch_chance, variant_of
from scoring.experiments.exploration import (
    Draw,
    effect_of_treatment,
    explore,
    inverse_propensity_weights,
    learning_weights,
)
from scoring.experiments.planning import Plan, plan
from scoring.experiments.results import Arm, Guard, GuardReading, Reading, Stop, read
from scoring.experiments.sequential import Difference, Sample, difference

__all__ = [
    "Arm",
    "Difference",
    "Draw",
    "Guard",
    "GuardReading",
    "Plan",
    "Reading",
    "Sample",
    "Stop",
    "difference",
    "drawn",
    "effect_of_treatment",
    "explore",
    "inverse_propensity_weights",
    "learning_weights",
    "mismatch_chance",
    "plan",
    "read",
    "variant_of",
]
