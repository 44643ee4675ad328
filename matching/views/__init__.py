"""Pages of matching."""

from matching.views.market import import_series, look_at_market, market

__all__ = ["import_series", "look_at_market", "market"]
