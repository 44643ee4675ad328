"""The moment each lead is looked at: what happened then or later is not used."""

from __future__ import annotations

import numpy as np

from leads.ml.metrics import Values
from scoring.backtest.leads import Leads

OLD = 0.9
"""Quantile of the ages at conversion at which a lead to predict, of which no moment is told, is looked at."""


def ages(leads: Leads) -> Values:
    """Return how old leads were (seconds) when they converted; of those who did."""
    if leads.decided is None or leads.created is None or leads.outcomes is None:
        return np.zeros(0)
    age = (leads.decided - leads.created)[leads.outcomes]
    return age[age >= 0]


def moments(leads: Leads, known: Values, *, end: float, seed: int) -> tuple[Values, dict[str, int]]:
    """Return each lead's moment (unix seconds), and how many were found which way.

    It is the lead's `as_of`, else its `converted_at`. For who did not convert a moment is drawn at an age at
    which others did (`known`): looked at later than those, they would be told apart by their age alone. A
    lead to predict is looked at when few who convert are older. Else it is the end of the events.
    """
    nothing = np.full(len(leads), np.nan)
    told = nothing if leads.as_of is None else leads.as_of
    decided = nothing if leads.decided is None else leads.decided
    created = nothing if leads.created is None else leads.created
    drawn = nothing
    if len(known) and leads.outcomes is not None:
        drawn = created + np.random.default_rng(seed).choice(known, len(leads))
    elif len(known):
        drawn = created + float(np.quantile(known, OLD))
    ways = {"as_of": told, "converted_at": decided, "drawn": np.minimum(drawn, end)}
    found, counts = nothing.copy(), dict[str, int]()
    for name, moment in ways.items():
        taken = np.isnan(found) & ~np.isnan(moment)
        found = np.where(taken, moment, found)
        counts[name] = int(taken.sum())
    counts["end of the events"] = int(np.isnan(found).sum())
    return np.where(np.isnan(found), end, found), counts
