"""Write what happens to homes, to the market, and to what people are shown."""

from matching.services.fairness import eligible_by_area, record_exposures

__all__ = ["eligible_by_area", "record_exposures"]
