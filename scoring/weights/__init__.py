"""How strongly each pillar counts: learned by segment, turned by the market, fitted to one lead; pure."""

from scoring.weights.combined import HIGHEST, LOWEST, PLAIN, Adjustment, Combined, Part, combine
from scoring.weights.learned import Basis, Estimate, Learned, learn
from scoring.weights.market import MarketConditions, Series, conditions_at, market_weights
from scoring.weights.personal import Course, common_course, personal_weights

__all__ = [
    "HIGHEST",
    "LOWEST",
    "PLAIN",
    "Adjustment",
    "Basis",
    "Combined",
    "Course",
    "Estimate",
    "Learned",
    "MarketConditions",
    "Part",
    "Series",
    "combine",
    "common_course",
    "conditions_at",
    "learn",
    "market_weights",
    "personal_weights",
]
