"""What happened to leads, as features: known kinds as live scores know them, others counted kind by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from leads.backtest.events import Log
from leads.ml import features
from leads.ml.catalogue import NAMES
from leads.ml.leaks import Leak, leaking_kinds
from leads.ml.memory import DAY
from leads.ml.metrics import Values
from scoring.backtest.leads import Leads

LEAST_HELD = (10, 0.005)
"""Leads, and share of the leads, a kind must have happened to for features of its own."""

SAID_EVERY = 20_000

TOTALS = ("events: in all", "events: kinds", "events: days since the last", "events: a week")


@dataclass(frozen=True, slots=True)
class Histories:
    """Which kinds of events became features, learned on training rows."""

    kinds: tuple[tuple[str, str], ...]
    """Unknown kinds, with their direction."""
    valued: frozenset[tuple[str, str]]
    hidden: frozenset[tuple[str, str]]
    """Kinds left out because they give the outcome away."""
    has_known: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features, in their order."""
        told = list[str](TOTALS)
        for key in self.kinds:
            name = _called(key)
            told += [f"{name}: times", f"{name}: days since", f"{name}: a week", f"{name}: last week"]
            if key in self.valued:
                told.append(f"{name}: value")
        return (*told, *(NAMES if self.has_known else ()))

    @staticmethod
    def learn(log: Log, rows: NDArray[np.int64], hidden: frozenset[tuple[str, str]]) -> Histories:
        """Choose, by the training rows alone, which kinds get features."""
        tallies = log.tallies
        least, share = LEAST_HELD
        held = (tallies.counts[rows] > 0).sum(axis=0)
        enough = {
            key: place
            for key, place in tallies.kinds.items()
            if key not in hidden and held[place] >= max(least, share * len(rows))
        }
        return Histories(
            kinds=tuple(key for key, place in enough.items() if place not in log.known),
            valued=frozenset(key for key, place in enough.items() if tallies.valued[rows, place].any()),
            hidden=hidden,
            has_known=any(
                place in log.known and key not in hidden and held[place]
                for key, place in tallies.kinds.items()
            ),
        )

    def matrix(self, log: Log, leads: Leads) -> Values:
        """Return the features (n, k) of leads."""
        tallies, until = log.tallies, log.until
        open_ = [place for key, place in tallies.kinds.items() if key not in self.hidden]
        start = np.nanmin(np.stack([_started(leads), until]), axis=0)
        weeks = np.maximum((until - start) / (7 * DAY), 1.0)
        counts = tallies.counts[:, open_].astype(np.float64)
        total = counts.sum(axis=1)
        latest = np.fmax.reduce(tallies.last[:, open_], axis=1, initial=np.nan)
        parts = [total, (counts > 0).sum(axis=1), (until - latest) / DAY, total / weeks]
        nothing = np.zeros(len(leads))
        for key in self.kinds:
            place = tallies.kinds.get(key)
            if place is None:
                parts += [nothing, nothing + np.nan, nothing, nothing]
                parts += [nothing + np.nan] if key in self.valued else []
                continue
            times = tallies.counts[:, place].astype(np.float64)
            parts += [times, (until - tallies.last[:, place]) / DAY, times / weeks, tallies.weekly[:, place]]
            if key in self.valued:
                valued = tallies.valued[:, place]
                parts.append(np.where(valued > 0, tallies.sums[:, place] / np.maximum(valued, 1), np.nan))
        told = np.stack([np.asarray(part, dtype=np.float64) for part in parts], axis=1)
        return np.column_stack([told, self._vectors(log, leads)]) if self.has_known else told

    def _vectors(self, log: Log, leads: Leads) -> Values:
        """Return what the live scores would have known of each lead at its moment (n, k)."""
        hidden = frozenset(place for key, place in log.tallies.kinds.items() if key in self.hidden)
        sources = _sources(leads)

        def told(lead: int, state: features.State) -> Values:
            created = np.nan if leads.created is None else float(leads.created[lead])
            facts = features.LeadFacts(
                created_at=None if np.isnan(created) else _moment(created), source=sources[lead]
            )
            return features.vector(state, _moment(log.until[lead]), facts).values

        found = np.full((len(leads), len(NAMES)), np.nan)
        for count, (lead, facts) in enumerate(log.histories(hidden), start=1):
            state: features.State = {}
            for fact in facts:
                state = features.advance(state, fact)
            found[lead] = told(lead, state)
            if count % SAID_EVERY == 0:
                log.tell(f"{count:,} leads' histories read")
        for lead in np.flatnonzero(np.isnan(found[:, 0])).tolist():
            found[lead] = told(lead, {})
        return found


def leaks_of(log: Log, rows: NDArray[np.int64], leads: Leads) -> tuple[Leak, ...]:
    """Return the kinds of events that give the outcomes of the training rows away."""
    tallies = log.tallies
    names = tallies.names
    return leaking_kinds(
        names,
        tallies.counts[rows][:, : len(names)].astype(np.float64),
        tallies.ever[rows][:, : len(names)].astype(np.float64),
        leads.known_outcomes[rows],
    )


def keys_of(log: Log, leaks: Sequence[Leak]) -> frozenset[tuple[str, str]]:
    """Return the kinds, with their direction, that leaks name."""
    named = {leak.name for leak in leaks if leak.of == "event kind"}
    return frozenset(key for key in log.tallies.kinds if _called(key) in named)


def _called(key: tuple[str, str]) -> str:
    kind, way = key
    return f"{kind} ({way})" if way else kind


def _started(leads: Leads) -> Values:
    return np.full(len(leads), np.nan) if leads.created is None else leads.created


def _sources(leads: Leads) -> list[str]:
    """Return where each lead came from, if the file says so."""
    column = next((one for name, one in leads.columns.items() if name.casefold() == "source"), None)
    return [""] * len(leads) if column is None else [column.text(row) for row in range(len(leads))]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
