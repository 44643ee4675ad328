"""Write what happens to homes, to the market, and to what people are shown."""

from matching.services.fairness import eligible_by_area, record_exposures
from matching.services.listings import Stored, store_listings
from matching.services.market import (
    EVERYWHERE,
    SeriesTaken,
    Taken,
    import_series,
    take_snapshots,
    tenants_with_listings,
)

__all__ = [
    "EVERYWHERE",
    "SeriesTaken",
    "Stored",
    "Taken",
    "eligible_by_area",
    "import_series",
    "record_exposures",
    "store_listings",
    "take_snapshots",
    "tenants_with_listings",
]
