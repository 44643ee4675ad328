"""Read homes and what is known of them across tables."""

from matching.selectors.market import (
    AreaChoice,
    MarketColumns,
    SeriesNow,
    area_choices,
    areas_in,
    homes_for_market,
    market_columns,
    series_now,
    snapshot_months,
    snapshots_of,
    sub_types,
)

__all__ = [
    "AreaChoice",
    "MarketColumns",
    "SeriesNow",
    "area_choices",
    "areas_in",
    "homes_for_market",
    "market_columns",
    "series_now",
    "snapshot_months",
    "snapshots_of",
    "sub_types",
]
