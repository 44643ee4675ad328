"""Back-test matches: learn from what people did with homes, and compare with what they did next."""

from matching.backtest import matches

BACKTESTS = {"matching": matches.BACKTEST}

__all__ = ["BACKTESTS"]
