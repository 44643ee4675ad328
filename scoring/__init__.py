"""How likely a lead is to transact: score, weights, thresholds, experiments, explanation."""
