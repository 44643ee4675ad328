"""The rules: what each feature says about a lead, before any model has learned from the tenant's own history.

A score is 100 times a rising curve of a sum of margins (`link`), so it can never leave 0–100 and nothing has
to be clipped. The weights below are margins (log odds); they were set by hand, from these considerations:

* START: with nothing known a lead scores 15, and 24 when it has just come in. Published shares of internet
  leads that close lie at 0.4–1.2%; the score ranks people for an agent's attention, so its scale is spread
  over 0–100 and is no closing rate.
* Sources: published closing shares by source (referrals 15–30%, open house 2–10%, portals 1–5%, social
  0.3–1.5%) enter as log odds against the usual 1.75%, at a third of their strength, the ranges being wide.
* Recency: contacting within the first hour multiplied the odds of qualifying about seven times (2011 study of
  1.25 million leads); interest halves over a week and is counted against a lead after a month of silence.
* Waiting: the same studies find the odds falling steeply while a lead waits, so an unanswered message costs.
* Urgency: trade usage calls a move within three months hot, within six warm (half-life 60 days, ml.urgency).
* Answers: the seven qualification questions weigh alike, but budget, timeline and financing a little more.
* Refusals and closed deals outweigh everything else. E-mail opens weigh nothing: image proxies inflate them.
* Evidence repeats itself (see CROWDING): who tells a budget tells a date, and one "pre-approved" fills three
  rules. So above even odds each further piece counts for less, and nobody reaches 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.ml.catalogue import BY_NAME, INDEX, LONG_AGO
from scoring.pillars import PILLARS, Pillar

Values = NDArray[np.float64]


START = math.log(0.15 / 0.85)
"""Margin of a lead nothing is known of."""

CROWDING = 3.0
"""Margin above even odds at which a further piece of evidence counts half.

Adding log odds is right for independent evidence and too sure of itself where evidence repeats itself, as
naive Bayes is with redundant features (scikit-learn, "Probability calibration curves"). Above even odds the
odds therefore grow with the cube of (1 + margin / 3), no longer exponentially; below, where evidence is thin,
all stays as it is. 3 was chosen by what a lead may read at most: with all there is to know, a price agreed
among it (margin 8), it is 98, for of signed contracts, too, 4 to 7 in 100 fall through (NAR, 2023-2024). Of
the demo's 400 people the 20 strongest then lie between 91 and 98, where they lay between 97 and 100.
"""

USUAL_CLOSE_RATE = 1.75
SILENCE = 3.5


@dataclass(frozen=True, slots=True)
class Rule:
    """One feature's share of the margin: a weight times a shape between 0 and 1 (or −1 and 1)."""

    feature: str
    weight: float
    shape: Callable[[Values], Values]

    @property
    def pillar(self) -> Pillar:
        return PILLARS[self.feature]


def _as_is(x: Values) -> Values:
    return x


def _filling(scale: float) -> Callable[[Values], Values]:
    """Rise from 0 towards 1; `scale` reaches 63%."""
    return lambda x: -np.expm1(-x / scale)


def _halving(half_life: float) -> Callable[[Values], Values]:
    """Fall from 1 at 0 towards 0, by half every `half_life`; unknown (negative) and never count 0."""
    return lambda x: np.where((x < 0) | (x >= LONG_AGO), 0.0, np.exp2(-x / half_life))


def _silence(x: Values) -> Values:
    """Fresh interest counts up to 1; silence turns it over within a week, into −1.7 after a month."""
    return np.asarray(np.exp2(-x / 7.0) - SILENCE * (1.0 - np.exp2(-x / 30.0)))


def _source(x: Values) -> Values:
    return np.asarray(np.log(np.maximum(x, 0.1) / USUAL_CLOSE_RATE))


RULES: tuple[Rule, ...] = (
    Rule("answered_budget", 0.30, _as_is),
    Rule("answered_location", 0.20, _as_is),
    Rule("answered_timeline", 0.30, _as_is),
    Rule("answered_property", 0.20, _as_is),
    Rule("answered_financing", 0.25, _as_is),
    Rule("answered_motivation", 0.20, _as_is),
    Rule("answered_condition", 0.15, _as_is),
    Rule("financing_ready", 0.45, _as_is),
    Rule("velocity_1d", 0.25, _filling(2.0)),
    Rule("velocity_7d", 0.60, _filling(0.6)),
    Rule("velocity_30d", 0.35, _filling(0.4)),
    Rule("forms", 0.30, _filling(1.0)),
    Rule("listing_views", 0.20, _filling(8.0)),
    Rule("page_views", 0.10, _filling(8.0)),
    Rule("email_clicks", 0.15, _filling(2.0)),
    Rule("talk_minutes", 0.35, _filling(10.0)),
    Rule("days_since_engaged", 0.60, _silence),
    Rule("urgency", 1.00, _as_is),
    Rule("days_since_showing", 1.10, _halving(10.0)),
    Rule("days_since_preapproved", 0.45, _halving(60.0)),
    Rule("days_since_price_agreed", 1.40, _halving(14.0)),
    Rule("days_since_offer", 1.00, _halving(10.0)),
    Rule("appointment_ahead", 0.70, _as_is),
    Rule("showing_requests", 0.60, _filling(1.0)),
    Rule("valuation_requests", 0.60, _filling(1.0)),
    Rule("listing_saves", 0.40, _filling(3.0)),
    Rule("days_since_too_expensive", -0.30, _halving(14.0)),
    Rule("days_since_not_interested", -4.50, _halving(60.0)),
    Rule("days_since_has_agent", -2.00, _halving(60.0)),
    Rule("lead_reply_hours", 0.40, _halving(12.0)),
    Rule("initiative", 0.20, _as_is),
    Rule("question_share", 0.15, _as_is),
    Rule("sentiment", 0.40, _as_is),
    Rule("sentiment_change", 0.20, _as_is),
    Rule("appointments_kept", 0.60, _filling(1.0)),
    Rule("appointments_missed", -0.60, _filling(1.0)),
    Rule("waiting_hours", -0.35, _filling(24.0)),
    Rule("opportunity_open", 0.15, _as_is),
    Rule("stage_moves", 0.25, _filling(1.0)),
    Rule("won", -5.00, _as_is),
    Rule("lost", -5.00, _as_is),
    Rule("opted_out", -4.50, _as_is),
    Rule("email_bounced", -0.30, _as_is),
    Rule("profile_quality", 0.30, lambda x: x / 100.0),
    Rule("source_close_rate", 0.33, _source),
)
RULE_NAMES: tuple[str, ...] = tuple(rule.feature for rule in RULES)
RULE_LABELS = {name: BY_NAME[name].label for name in RULE_NAMES}
_COLUMNS = [INDEX[name] for name in RULE_NAMES]


def link(margin: Values) -> Values:
    """Return the share of 100 points a total margin earns: logistic up to even odds, then ever gentler."""
    crowded = np.where(margin > 0, CROWDING * np.log1p(np.maximum(margin, 0.0) / CROWDING), margin)
    return np.asarray(1.0 / (1.0 + np.exp(-crowded)))


def margins(matrix: Values) -> Values:
    """Return the margin of every rule (rows) for every lead (columns) of a feature matrix of one row a lead.

    The columns are laid out one after another, so that a lead gets the same bits alone and in a batch.
    """
    columns = np.ascontiguousarray(matrix[:, _COLUMNS].T)
    return np.stack([rule.weight * rule.shape(columns[i]) for i, rule in enumerate(RULES)])
