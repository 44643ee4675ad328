"""Write what happens to homes, to the market, and to what people are shown."""

from matching.services.fairness import eligible_by_area, import_area_groups, record_exposures
from matching.services.feeds import due_feeds, read_feed
from matching.services.listings import Stored, store_listings
from matching.services.market import (
    EVERYWHERE,
    SeriesTaken,
    Taken,
    import_series,
    take_snapshots,
    tenants_with_listings,
)
from matching.services.preferences import learn_from
from matching.services.reverse import find_buyers, searches_to_tell, tell_search
from matching.services.texts import (
    TURN,
    check_marketing_text,
    check_remarks,
    override_finding,
    settle_marketing_finding,
)
from matching.services.trials import may_try, try_other_names

__all__ = [
    "find_buyers",
    "learn_from",
    "searches_to_tell",
    "tell_search",
    "EVERYWHERE",
    "TURN",
    "SeriesTaken",
    "Stored",
    "Taken",
    "check_marketing_text",
    "check_remarks",
    "due_feeds",
    "eligible_by_area",
    "import_area_groups",
    "import_series",
    "may_try",
    "override_finding",
    "read_feed",
    "record_exposures",
    "settle_marketing_finding",
    "store_listings",
    "take_snapshots",
    "tenants_with_listings",
    "try_other_names",
]
