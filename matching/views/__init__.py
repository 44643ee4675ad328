"""Pages of matching."""

from matching.views.buyers import listing_buyers
from matching.views.fairness import (
    audit,
    check_text,
    fair_housing,
    import_groups,
    override_finding,
    settle_finding,
    try_other_names,
)
from matching.views.market import import_series, look_at_market, market
from matching.views.pictures import listing_photo, listing_picture

__all__ = [
    "listing_buyers",
    "audit",
    "check_text",
    "fair_housing",
    "import_groups",
    "import_series",
    "listing_photo",
    "listing_picture",
    "look_at_market",
    "market",
    "override_finding",
    "settle_finding",
    "try_other_names",
]
