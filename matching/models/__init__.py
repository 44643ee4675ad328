"""Rows of matching: listings, their agents, offices and feeds, buyers, places, market, fairness."""

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
from matching.models.feeds import Feed, FeedRun, ListingMapping
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
from matching.models.places import (
    AgencyLink,
    ListingPlaces,
    Neighborhood,
    PlaceImport,
    PlaceKind,
    PointOfInterest,
    School,
    TransitStop,
)

__all__ = [
    "AgencyLink",
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
    "ListingPlaces",
    "ListingMapping",
    "MarketSeries",
    "MarketSnapshot",
    "Match",
    "Media",
    "Member",
    "Neighborhood",
    "Office",
    "OpenHouse",
    "PlaceImport",
    "PlaceKind",
    "PointOfInterest",
    "PriceChange",
    "PropertyType",
    "Ranking",
    "SavedSearch",
    "School",
    "SentListing",
    "StandardStatus",
    "StatusChange",
    "Surface",
    "TextFinding",
    "TextsRead",
    "TransitStop",
]
