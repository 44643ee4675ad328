"""Write what happens to homes, to the market, and to what people are shown."""

from matching.services.fairness import eligible_by_area, record_exposures
from matching.services.listings import Stored, store_listings

__all__ = ["Stored", "eligible_by_area", "record_exposures", "store_listings"]
