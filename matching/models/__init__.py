"""Rows of matching: listings and what came of them, their agents, offices, feeds."""

from matching.models.criteria import Criteria, Household, Match, SavedSearch, SentListing
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

__all__ = [
    "Criteria",
    "Household",
    "Match",
    "SavedSearch",
    "SentListing",
    "Feed",
    "FeedRun",
    "Listing",
    "Media",
    "Member",
    "Office",
    "OpenHouse",
    "PriceChange",
    "PropertyType",
    "StandardStatus",
    "StatusChange",
]
