"""Rows of matching: listings and what came of them, their agents, offices, feeds, market, fairness."""

from matching.models.criteria import Criteria, Household, Match, SavedSearch, SentListing
from matching.models.fairness import (
    AreaGroup,
    Counterfactual,
    Exposure,
    Ranking,
    Surface,
    TextFinding,
    TextsRead,
)
from matching.models.feeds import Feed, FeedRun
from matching.models.listings import (
    Listing,
    Media,
    Member,
    Office,
    OpenHouse,
    PriceChange,
    PropertyType,
    StandardStatus,
    StatusChange,
)
from matching.models.market import AreaKind, Figure, MarketSeries, MarketSnapshot

__all__ = [
    "AreaGroup",
    "AreaKind",
    "Counterfactual",
    "Criteria",
    "Exposure",
    "Feed",
    "FeedRun",
    "Figure",
    "Household",
    "Listing",
    "MarketSeries",
    "MarketSnapshot",
    "Match",
    "Media",
    "Member",
    "Office",
    "OpenHouse",
    "PriceChange",
    "PropertyType",
    "Ranking",
    "SavedSearch",
    "SentListing",
    "StandardStatus",
    "StatusChange",
    "Surface",
    "TextFinding",
    "TextsRead",
]
