"""The smallest thing an agent can bring about that lifts a lead's tier, by the engine's own reckoning.

A lever says which features change if the agent does it and the lead goes along; the engine scores the lead as
it would be then. The catalogue is closed and touches only what contact with the lead changes: nothing of who
somebody is, what they want, when they must move, where they come from or what the market does. Every lead is
offered the same levers. What the score would be is no promise: the engine knows what goes with closings, not
what causes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import combinations

from leads.ml.catalogue import INDEX, LONG_AGO, QUESTIONS
from leads.ml.features import FeatureVector
from leads.ml.memory import SPANS
from scoring import engine
from scoring.engine import Case, Model, Score, Tier
from scoring.reasons import ASK, SILENT_DAYS

Known = Mapping[str, float]
Changes = dict[str, float]

INFLUENCED = frozenset(
    {
        *("velocity_1d", "velocity_7d", "velocity_30d", "days_since_engaged", "days_since_wrote"),
        *("inbound_30d", "outbound_30d", "waiting_hours", "talk_minutes", "email_bounced"),
        *("appointment_ahead", "appointments_kept", "show_rate", "commitment"),
        *("financing_ready", "days_since_preapproved", "answers"),
        *(f"answered_{question}" for question in QUESTIONS),
    }
)
"""All that levers may change."""

LENGTH_OF_CALL = 10.0


@dataclass(frozen=True, slots=True)
class Lever:
    """One thing to do: what it is called, the agent's minutes, when it makes sense, and what it changes."""

    key: str
    label: str
    minutes: float
    makes_sense: Callable[[Known], bool]
    changes: Callable[[Known], Changes]


@dataclass(frozen=True, slots=True)
class Lift:
    """What lifts a lead: one lever or two, the agent's minutes, the score and tier before and after."""

    keys: tuple[str, ...]
    labels: tuple[str, ...]
    minutes: float
    score: float
    new_score: float
    tier: Tier
    new_tier: Tier

    @property
    def sentence(self) -> str:
        """Say what to do and what it would change: "Book a showing: from 62 to 71, hot"."""
        first, *rest = self.labels
        told = " and ".join([first, *(label[0].lower() + label[1:] for label in rest)])
        return f"{told}: from {self.score:.1f} to {self.new_score:.1f}, {self.new_tier}"


def _act(known: Known, weight: float = 1.0) -> Changes:
    """Return what changes when the lead does something: it counts at once in all paces."""
    paces = {f"velocity_{span:g}d": known[f"velocity_{span:g}d"] + weight / span for span in SPANS}
    return {**paces, "days_since_engaged": 0.0, "commitment": max(1.0, known["commitment"])}


def _answer(known: Known) -> Changes:
    """Return what changes when the agent writes and the lead answers."""
    return {
        **_act(known),
        "days_since_wrote": 0.0,
        "inbound_30d": known["inbound_30d"] + 1.0,
        "outbound_30d": known["outbound_30d"] + 1.0,
        "waiting_hours": 0.0,
    }


def _answered(known: Known, question: str) -> Changes:
    """Return what changes when the lead answers a qualification question."""
    name = f"answered_{question}"
    answers = known["answers"] + (0.0 if known[name] else 1.0)
    commitment = max(2.0 if answers >= 3 else 1.0, known["commitment"])
    return {**_answer(known), name: 1.0, "answers": answers, "commitment": commitment}


def _reply(known: Known) -> Changes:
    return {"waiting_hours": 0.0, "outbound_30d": known["outbound_30d"] + 1.0}


def _call(known: Known) -> Changes:
    return {
        **_act(known),
        "talk_minutes": known["talk_minutes"] + LENGTH_OF_CALL,
        "outbound_30d": known["outbound_30d"] + 1.0,
        "waiting_hours": 0.0,
    }


def _book(known: Known) -> Changes:
    return {**_act(known), "appointment_ahead": 1.0, "commitment": max(4.0, known["commitment"])}


def _meet(known: Known) -> Changes:
    kept, missed = known["appointments_kept"] + 1.0, known["appointments_missed"]
    return {
        **_act(known, 2.0),
        "appointment_ahead": 0.0,
        "appointments_kept": kept,
        "show_rate": (kept + 1.0) / (kept + missed + 2.0),
        "commitment": max(4.0, known["commitment"]),
    }


def _preapproved(known: Known) -> Changes:
    return {**_answered(known, "financing"), "financing_ready": 1.0, "days_since_preapproved": 0.0}


def _question(question: str) -> Lever:
    return Lever(
        f"ask_{question}",
        ASK[question],
        5.0,
        lambda known: not known[f"answered_{question}"],
        lambda known: _answered(known, question),
    )


LEVERS: tuple[Lever, ...] = (
    Lever("reply", "Reply within the hour", 3.0, lambda known: known["waiting_hours"] > 0, _reply),
    *(_question(question) for question in QUESTIONS),
    Lever(
        "check_in",
        "Check in and get an answer",
        5.0,
        lambda known: known["days_since_engaged"] >= SILENT_DAYS,
        _answer,
    ),
    Lever(
        "email",
        "Ask for an e-mail address that works",
        5.0,
        lambda known: known["email_bounced"] > 0,
        lambda known: {**_answer(known), "email_bounced": 0.0},
    ),
    Lever("call", "Talk for ten minutes on the phone", 15.0, lambda known: True, _call),
    Lever("book", "Book a showing", 20.0, lambda known: not known["appointment_ahead"], _book),
    Lever(
        "preapproval",
        "Ask for pre-approval",
        30.0,
        lambda known: known["financing_ready"] < 1.0 and not known["cash_buyer"],
        _preapproved,
    ),
    Lever("meet", "Hold the appointment ahead", 60.0, lambda known: known["appointment_ahead"] > 0, _meet),
)
"""Everything there is, the least work first."""

_RANKS = {Tier.QUIET: 0, Tier.STEADY: 1, Tier.WARM: 2, Tier.HOT: 3}

Combination = tuple[Lever, ...]
Scorer = Callable[[Sequence[Case]], Sequence[Score]]


def levers_for(vector: FeatureVector) -> list[Lever]:
    """Return the levers that make sense for a lead; none for one to be left in peace or under contract.

    A lead with an agent of their own is not to be solicited (NAR Code of Ethics, article 16).
    """
    closed = vector["won"] or vector["lost"] or vector["opted_out"] >= 1.0
    refused = vector["days_since_not_interested"] < LONG_AGO or vector["days_since_has_agent"] < LONG_AGO
    if closed or refused:
        return []
    known = _known(vector)
    return [lever for lever in LEVERS if lever.makes_sense(known)]


def pulled(vector: FeatureVector, levers: Sequence[Lever]) -> FeatureVector:
    """Return the features of a lead after levers, one upon the other."""
    known = _known(vector)
    for lever in levers:
        known |= lever.changes(known)
    values = vector.values.copy()
    for name in INFLUENCED:
        values[INDEX[name]] = known[name]
    return replace(vector, values=values)


def _known(vector: FeatureVector) -> dict[str, float]:
    return dict(zip(INDEX, vector.values.tolist(), strict=True))


def smallest_lift(case: Case, *, now: datetime, model: Model | None = None) -> Lift | None:
    """Return the smallest lift of one lead: a batch of one."""
    return smallest_lifts([case], now=now, model=model)[0]


def smallest_lifts(cases: Sequence[Case], *, now: datetime, model: Model | None = None) -> list[Lift | None]:
    """Return for each lead the lever, else the pair of levers, of least work that lifts its tier, or None.

    Without a model the rules reckon. Of levers of like work the one that lifts the score more is taken.
    """
    found = lifts(cases, score=partial(engine.score_many, now=now, model=model))
    return [lifted[0] if lifted else None for lifted in found]


def lifts(
    cases: Sequence[Case], *, score: Scorer, held: Sequence[Tier] = (), most: int = 1
) -> list[list[Lift]]:
    """Return for each lead the levers, else the pairs of levers, that lift its tier, the least work first.

    `held` are the tiers the leads stand in, where a margin keeps them above what the score alone says. All
    leads' single levers are scored as one batch, then the pairs of those that no single one lifts.
    """
    before = score(cases)
    plain = [one.tier for one in before]
    tiers = [max(pair, key=_RANKS.__getitem__) for pair in zip(plain, held or plain, strict=True)]
    usable = [
        levers_for(case.vector) if tier is not Tier.HOT else []
        for case, tier in zip(cases, tiers, strict=True)
    ]
    found: list[list[Lift]] = [[] for _ in cases]
    for size in (1, 2):
        tries = [
            (i, one) for i, levers in enumerate(usable) if not found[i] for one in combinations(levers, size)
        ]
        after = score([replace(cases[i], vector=pulled(cases[i].vector, one)) for i, one in tries])
        lifting: list[list[tuple[Combination, Score]]] = [[] for _ in cases]
        for (i, one), then in zip(tries, after, strict=True):
            if then.mode is before[i].mode and _RANKS[then.tier] > _RANKS[tiers[i]]:
                lifting[i].append((one, then))
        for i, lifted in enumerate(lifting):
            lifted.sort(key=lambda one: _work(*one))
            found[i] += [_lift(one, before[i], tiers[i], then) for one, then in lifted[:most]]
    return found


def _lift(levers: Combination, before: Score, tier: Tier, after: Score) -> Lift:
    return Lift(
        keys=tuple(lever.key for lever in levers),
        labels=tuple(lever.label for lever in levers),
        minutes=sum(lever.minutes for lever in levers),
        score=before.score,
        new_score=after.score,
        tier=tier,
        new_tier=after.tier,
    )


def _work(levers: Combination, score: Score) -> tuple[float, float]:
    return sum(lever.minutes for lever in levers), -score.score
