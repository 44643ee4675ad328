"""Back-test scores: learn from a file of past leads, and say how right that is about later ones."""

from scoring.backtest import scores

BACKTESTS = {"scores": scores.BACKTEST}

__all__ = ["BACKTESTS"]
