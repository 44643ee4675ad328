"""Pages of matching."""

from matching.views.buyers import (
    listing_buyers,
)
from matching.views.fairness import (
    audit,
    check_text,
    fair_housing,
    import_groups,
    override_finding,
    settle_finding,
    try_other_names,
)
from matching.views.market import (
    import_series,
    look_at_market,
    market,
)
from matching.views.pictures import (
    listing_photo,
    listing_picture,
)
from matching.views.places import (
    area,
    area_list,
    keep_agency,
    listing_around,
    place_import,
    place_import_errors,
    places,
    remove_agency,
    remove_places,
)

__all__ = [
    "area",
    "area_list",
    "audit",
    "check_text",
    "fair_housing",
    "import_groups",
    "import_series",
    "keep_agency",
    "listing_around",
    "listing_buyers",
    "listing_photo",
    "listing_picture",
    "look_at_market",
    "market",
    "override_finding",
    "place_import",
    "place_import_errors",
    "places",
    "remove_agency",
    "remove_places",
    "settle_finding",
    "try_other_names",
]
