"""A tenant's own contact fields as features of its own model: which, how, and why not the others.

Judged on one row a lead, so that nobody counts twice. Values are read one by one, by the same function in
training and in serving. What speaks of who a person is, or gives the outcome away, is left out and named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from leads.fair_housing import trait_of
from leads.ml.columns import MISSING, Column, column_of, read_flag, read_moment, read_number
from leads.ml.custom import AGO, LEVEL, PREFIX, UNKNOWN, Value
from leads.ml.encoder import Plan, fit_encoder
from leads.ml.leaks import leaking_columns
from leads.ml.memory import DAY
from leads.ml.metrics import Flags, Groups, Values

Kind = Literal["number", "moment", "flag", "category"]

LEAST_LEADS = 30
MOST_FIELDS = 40
MOST_LEVELS = 10
MOST_CHOICES = 10
"""Choices with a feature each, of a field where several can be chosen."""

NAME_LENGTH = 60
PERSON = re.compile(r"[^@\s]+@[^@\s]+\.\w+|\+?[\d\s().-]{10,}\d")
"""An e-mail address or a phone number."""

PROSE = 60
"""Characters from which a value is no category."""

_KINDS = frozenset({"number", "moment", "flag", "category"})


@dataclass(frozen=True, slots=True)
class FieldName:
    """What a tenant calls a field, and what it says it holds."""

    name: str
    data_type: str = "TEXT"


@dataclass(frozen=True, slots=True)
class OwnField:
    """How one field, or one choice of a field of several, becomes features."""

    key: str
    label: str
    kind: Kind
    choice: str = ""
    levels: tuple[str, ...] = ()
    has_gaps: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features, in their order."""
        name = PREFIX + self.label
        told: tuple[str, ...] = (name,)
        if self.kind == "flag":
            told = (f"{name}{LEVEL}{self.choice or 'yes'}",)
        elif self.kind == "moment":
            told = (name + AGO,)
        elif self.kind == "category":
            told = tuple(f"{name}{LEVEL}{level}" for level in self.levels)
        return (*told, f"{name}{LEVEL}{UNKNOWN}") if self.has_gaps else told

    def encode(self, value: Value | None, at: float) -> list[float]:
        """Return the features of a value at a moment (unix seconds); NaN where there is no such number."""
        text = _text(value, self.choice)
        if self.kind == "number":
            told = [math.nan if text is None else read_number(text)]
        elif self.kind == "moment":
            told = [math.nan if text is None else (at - read_moment(text)) / DAY]
        elif self.kind == "flag":
            told = [math.nan if text is None else read_flag(text)]
        else:
            folded = "" if text is None else _fold(text)
            told = [float(_fold(level) == folded) for level in self.levels]
        return [*told, float(text is None)] if self.has_gaps else told

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "key": self.key,
            "label": self.label,
            "kind": self.kind,
            "choice": self.choice,
            "levels": list(self.levels),
            "has_gaps": self.has_gaps,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> OwnField:
        """Return what `as_json` wrote."""
        if told["kind"] not in _KINDS:
            raise ValueError(f"A field is no {told['kind']}.")
        return cls(
            str(told["key"]),
            str(told["label"]),
            cast(Kind, told["kind"]),
            str(told["choice"]),
            tuple(str(level) for level in told["levels"]),
            bool(told["has_gaps"]),
        )


@dataclass(frozen=True, slots=True)
class OwnFields:
    """How a tenant's own fields become features."""

    fields: tuple[OwnField, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all features, in their order."""
        return tuple(name for one in self.fields for name in one.names)

    def encode(self, held: Iterable[Mapping[str, Value]], at: Iterable[float]) -> Values:
        """Return the features (n, k) of what fields held at moments (unix seconds)."""
        rows = [
            [told for one in self.fields for told in one.encode(values.get(one.key), moment)]
            for values, moment in zip(held, at, strict=True)
        ]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.names))

    def as_json(self) -> list[dict[str, Any]]:
        """Return it as plain JSON."""
        return [one.as_json() for one in self.fields]

    @classmethod
    def from_json(cls, told: Iterable[Mapping[str, Any]]) -> OwnFields:
        """Return what `as_json` wrote."""
        return cls(tuple(OwnField.from_json(one) for one in told))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The fields a model may learn from, and which it may not and why, by their names."""

    own: OwnFields
    left_out: Mapping[str, str]


def choose_fields(
    held: Sequence[Mapping[str, Value]],
    outcomes: Flags,
    at: Values,
    lead_ids: Groups,
    names: Mapping[str, FieldName],
    *,
    hidden: frozenset[str] = frozenset(),
) -> Chosen:
    """Return which fields enter, learned on these rows in the order of time.

    `names` are the tenant's fields by their keys, `hidden` those that Hearthline writes itself.
    """
    last = np.array(sorted({int(lead): row for row, lead in enumerate(lead_ids)}.values()), dtype=np.int64)
    values = [held[row] for row in last]
    counts: dict[str, int] = {}
    for one in values:
        for key in one:
            counts[key] = counts.get(key, 0) + 1
    labels = _labels({key: names[key].name for key in counts if key in names})
    left_out: dict[str, str] = {}
    columns: dict[tuple[str, str], Column] = {}
    for key in sorted(counts, key=lambda key: (-counts[key], key)):
        texts = [one.get(key) for one in values]
        why = _why_not(key, counts[key], texts, names.get(key), hidden)
        if not why and len({key for key, _ in columns}) == MOST_FIELDS:
            why = f"{MOST_FIELDS} fields are learned from at most: those most often known"
        if why:
            left_out[labels.get(key, key)] = why
        else:
            columns |= _columns(key, texts)
    known = outcomes[last]
    leaks = {leak.name: leak.why for leak in leaking_columns({_join(*c): columns[c] for c in columns}, known)}
    for place in [place for place in columns if _join(*place) in leaks]:
        left_out[labels[place[0]]] = f"gives the outcome away. {leaks[_join(*place)]}"
    columns = {place: one for place, one in columns.items() if labels[place[0]] not in left_out}
    own = list[OwnField]()
    if columns:
        named = {_join(*place): column for place, column in columns.items()}
        encoder, _ = fit_encoder(named, known, at[last])
        plans = {plan.name: plan for plan in encoder.plans}
        for place in columns:
            found = _field(place, labels[place[0]], plans.get(_join(*place)), encoder.left_out)
            if isinstance(found, OwnField):
                # that nothing is known of a field is one feature, however many its choices
                is_first = all(one.key != found.key for one in own)
                own.append(found if is_first else replace(found, has_gaps=False))
            elif not place[1]:
                left_out[labels[place[0]]] = found
    return Chosen(OwnFields(tuple(own)), left_out)


def _join(key: str, choice: str) -> str:
    return f"{key}\0{choice}"


def _why_not(
    key: str, count: int, values: Sequence[Value | None], field: FieldName | None, hidden: frozenset[str]
) -> str:
    """Return why a field is not learned from; nothing where it may be."""
    if key in hidden:
        return "is written by Hearthline itself"
    if field is None:
        return "has no name here, so that nobody can tell what it speaks of"
    levels = sorted(
        {text for value in values for text in ([value] if isinstance(value, str) else value or ())}
    )
    if trait := trait_of(f"{field.name} {key}", levels):
        return f"speaks of {trait}: no score may rest on it"
    if _is_personal(field, levels):
        return "says who a person is"
    if field.data_type == "LARGE_TEXT" or sum(len(text) > PROSE for text in levels) > len(levels) / 2:
        return "is free text"
    if count < LEAST_LEADS:
        return f"is known of {count} leads; {LEAST_LEADS} are needed"
    return ""


def _is_personal(field: FieldName, levels: Sequence[str]) -> bool:
    words = re.split(r"[\W_]+", field.name.casefold().strip())
    if field.data_type == "PHONE" or {"name", "email", "phone", "mobile", "nombre", "ssn"} & set(words):
        return True
    return sum(PERSON.fullmatch(text) is not None for text in levels) > len(levels) / 2


def _labels(names: Mapping[str, str]) -> dict[str, str]:
    """Return what fields are called; two of one name are told apart by their keys."""
    short = {
        key: " ".join(name.replace(LEVEL, " ").split())[:NAME_LENGTH] or key for key, name in names.items()
    }
    told = list(short.values())
    return {key: name if told.count(name) == 1 else f"{name} ({key})" for key, name in short.items()}


def _columns(key: str, values: Sequence[Value | None]) -> dict[tuple[str, str], Column]:
    """Return a field as a column; one of several choices as one for each of the commonest."""
    many = [value for value in values if isinstance(value, list)]
    if not many:
        return {(key, ""): column_of(_text(value, "") for value in values)}
    counts: dict[str, int] = {}
    for value in many:
        for choice in value:
            counts[choice] = counts.get(choice, 0) + 1
    common = sorted(counts, key=lambda choice: (-counts[choice], choice))[:MOST_CHOICES]
    return {
        (key, choice): column_of(_text(value, choice) for value in values)
        for choice in common
        if len(choice) <= PROSE
    }


def _text(value: Value | None, choice: str) -> str | None:
    """Return a value as text, or whether a choice is among several; None where nothing is known."""
    if value is None:
        return None
    if choice:
        return "yes" if choice in ([value] if isinstance(value, str) else value) else "no"
    text = value if isinstance(value, str) else ", ".join(value)
    return None if text.strip().casefold() in MISSING else text


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _field(
    place: tuple[str, str], label: str, plan: Plan | None, left_out: Mapping[str, str]
) -> OwnField | str:
    """Return how a column becomes features, or why it does not."""
    if plan is None:
        return f"is {left_out[_join(*place)]}"
    if plan.kind == "text":
        return "is free text"
    if plan.kind == "presence":
        return f"is {plan.note.split(':')[0]}"
    levels = tuple(level for level in plan.levels if len(level) <= PROSE and level != UNKNOWN)[:MOST_LEVELS]
    if plan.kind == "category" and not levels:
        return "has no value that many leads share"
    return OwnField(place[0], label, plan.kind, place[1], levels, plan.has_gaps)
