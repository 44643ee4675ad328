"""Turn leads and what happened to them into features, learned on training rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.backtest.events import Log
from leads.backtest.files import FileError, listed
from leads.ml.encoder import Encoder, fit_encoder
from leads.ml.leaks import Leak, leaking_columns
from leads.ml.metrics import Values
from scoring.backtest.histories import Histories, keys_of, leaks_of
from scoring.backtest.leads import Leads, arrival
from scoring.pillars import PILLARS, Pillar


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a lead: the columns of the file, when it came, and what happened to it."""

    encoder: Encoder
    arrival: tuple[str, ...]
    histories: Histories | None
    leaks: tuple[Leak, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features, in their order."""
        happened = () if self.histories is None else self.histories.names
        return (*self.encoder.names, *self.arrival, *happened)

    @property
    def pillars(self) -> list[Pillar]:
        """Return which pillar each feature belongs to."""
        own = len(self.encoder.names) + len(self.arrival)
        return [
            Pillar.CONTEXT if place < own else PILLARS.get(name, Pillar.ENGAGEMENT)
            for place, name in enumerate(self.names)
        ]

    def matrix(self, leads: Leads, log: Log | None) -> Values:
        """Return the features (n, k) of leads."""
        return self._joined(self.encoder.encode(leads.columns, leads.moments, len(leads)), leads, log)

    def _joined(self, encoded: Values, leads: Leads, log: Log | None) -> Values:
        came = arrival(leads)
        nothing = np.full(len(leads), np.nan)
        parts = [encoded, *(came.get(name, nothing) for name in self.arrival)]
        if self.histories is not None and log is not None:
            parts.append(self.histories.matrix(log, leads))
        return np.column_stack(parts)


def learn_features(
    leads: Leads, log: Log | None, rows: NDArray[np.int64], times: Values, *, keep_leaks: bool
) -> tuple[Features, Values]:
    """Return how leads become features, learned on the training `rows`, and the features of all leads."""
    past = leads.take(rows)
    leaks = leaking_columns(past.columns, past.known_outcomes)
    happened = () if log is None else leaks_of(log, rows, leads)
    hidden = frozenset[str]() if keep_leaks else frozenset(leak.name for leak in leaks)
    kinds = frozenset[tuple[str, str]]() if keep_leaks or log is None else keys_of(log, happened)
    histories = None if log is None else Histories.learn(log, rows, kinds)
    columns = {name: column for name, column in past.columns.items() if name not in hidden}
    if not columns and histories is None and not arrival(past):
        named = listed([leak.name for leak in leaks])
        raise FileError(
            f"{leads.path} holds nothing to learn from"
            + (f" but what gives the outcome away ({named})" if leaks else "")
            + ": add columns of what is known of a lead, or name its --events.",
            "columns",
        )
    encoder, encoded = fit_encoder(columns, past.known_outcomes, times[rows], moments=past.moments)
    features = Features(encoder, tuple(arrival(past)), histories, (*leaks, *happened))
    told = encoder.encode(leads.columns, leads.moments, len(leads))
    told[rows] = encoded
    return features, features._joined(told, leads, log)
