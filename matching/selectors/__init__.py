"""Read homes and what is known of them across tables."""

from matching.selectors.market import MarketColumns, homes_for_market, market_columns

__all__ = ["MarketColumns", "homes_for_market", "market_columns"]
