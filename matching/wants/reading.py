"""Read what a buyer wants from untrusted JSON: all that is wrong is told at once, nothing else gets in."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from leads.errors import DomainError
from leads.fair_housing import Severity, check_text, trait_of
from matching import features
from matching.areas import crossing
from matching.homes import AMENITIES, CONDITIONS, FINANCING, SUB_TYPES
from matching.wants.wanted import (
    FACTORS,
    IGNORE,
    MIDDLE,
    MUST,
    MUSTS,
    Area,
    Investor,
    Mode,
    Setting,
    Target,
    Urgency,
    Wants,
)

T = TypeVar("T")

# what a search must never hold, beside what `leads.fair_housing.trait_of` knows by name
_FORBIDDEN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"crime|criminal|safe area|safest", "crime below the level of an agency"),
        (r"demograph|compos|divers|majorit|minorit|percent|share of", "who lives in a place"),
        (r"\bages?\b|\bmedian\b", "the age of people"),
        (r"incomes?\b|wealth|affluen|povert|salar", "what people of a place earn"),
        (r"owner occup|renters?\b|tenants?\b", "who lives in a place"),
        (r"lunch|test scores? of|student body", "the pupils of a school"),
        (r"look ?alike|similar buyers?|people like|embedding", "what other people chose"),
        (
            r"\bfirst name|\blast name|\bfull name|\bsurname|photos? of|picture of|\bspeaks?\b",
            "who the buyer is",
        ),
    )
)
_WORD = re.compile(r"[\W_]+")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

MOST_AREAS, MOST_CORNERS, MOST_TARGETS, MOST_NAMED, MOST_LETTERS = 20, 200, 10, 20, 60


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where in the form, and how to mend it."""

    where: str
    text: str
    code: str = "invalid"

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


class WantsError(DomainError):
    """A form of wants cannot be read; `problems` lists all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        refused = next((problem.code for problem in problems if problem.code == "fair_housing"), "invalid")
        super().__init__(" ".join(map(str, problems)), refused)
        self.problems = tuple(problems)


def wants_of(told: Mapping[str, Any]) -> Wants:
    """Return what a form says, or raise WantsError with everything that is wrong with it."""
    return _Reader().read(told)


def refusal_of(word: str) -> str:
    """Return what a word speaks of that no search may rest on, else nothing."""
    plain = _WORD.sub(" ", word.lower()).strip()
    named = next((what for pattern, what in _FORBIDDEN if pattern.search(plain)), "")
    return named or trait_of(word, [word])


class _Reader:
    """Reads a form value by value and keeps what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, told: Mapping[str, Any]) -> Wants:
        if not isinstance(told, Mapping):
            raise WantsError([Problem("", "A search must be an object of fields.")])
        self._known("", told, [each.name for each in fields(Wants)])
        wants = Wants(
            price_target=self._number(told, "price_target", low=1.0, high=1e9),
            price_max=self._number(told, "price_max", low=1.0, high=1e9),
            monthly_max=self._number(told, "monthly_max", low=1.0, high=1e9),
            down_payment=self._number(told, "down_payment", low=0.0, high=1e9),
            financing=self._one_of(told, "financing", FINANCING),
            beds_min=self._number(told, "beds_min", low=0.0, high=20.0),
            baths_min=self._number(told, "baths_min", low=0.0, high=20.0),
            sqft_min=self._number(told, "sqft_min", low=1.0, high=1e6),
            sqft_max=self._number(told, "sqft_max", low=1.0, high=1e6),
            types=self._some_of(told, "types", SUB_TYPES),
            lot_min=self._number(told, "lot_min", low=1.0, high=1e9),
            year_min=self._number(told, "year_min", low=1600.0, high=2100.0),
            condition=self._one_of(told, "condition", CONDITIONS),
            must_haves=self._some_of(told, "must_haves", features.KEYS),
            nice_to_haves=self._nice(told),
            deal_breakers=self._some_of(told, "deal_breakers", features.KEYS),
            areas=tuple(self._each(told, "areas", MOST_AREAS, self._area)),
            setting=Setting(self._one_of(told, "setting", tuple(Setting)) or Setting.SUBURBAN),
            schools=tuple(self._each(told, "schools", MOST_NAMED, self._id)),
            commute_targets=tuple(self._each(told, "commute_targets", MOST_TARGETS, self._target)),
            amenities=self._some_of(told, "amenities", tuple(AMENITIES)),
            investor=self._investor(told),
            urgency=Urgency(self._one_of(told, "urgency", tuple(Urgency)) or Urgency.RELAXED),
            importance=self._importance(told),
        )
        self._together(wants)
        if self.problems:
            raise WantsError(self.problems)
        return wants

    def _wrong(self, where: str, text: str, code: str = "invalid") -> None:
        self.problems.append(Problem(where, text, code))

    def _known(self, where: str, told: Mapping[str, Any], names: Sequence[str]) -> None:
        """Refuse fields there are none of, and say why where the law forbids them."""
        for name in told:
            if name not in names:
                self._unknown(f"{where}.{name}" if where else str(name), str(name), names)

    def _unknown(self, where: str, word: str, names: Sequence[str]) -> None:
        if what := refusal_of(word):
            self._wrong(
                where,
                f"tells of {what}. Homes are matched by what they are and where the buyer wants to be, "
                "never by people: leave it out.",
                "fair_housing",
            )
            return
        near = difflib.get_close_matches(word, names, n=1)
        listed = f"Did you mean {near[0]}?" if near else f"Choose from: {', '.join(names)}."
        self._wrong(where, f"{word[:60]!r} is not known here. {listed}")

    def _number(
        self, told: Mapping[str, Any], name: str, *, low: float, high: float, where: str = ""
    ) -> float | None:
        value = told.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self._wrong(f"{where}{name}", f"must be a number, not {str(value)[:40]!r}.")
            return None
        if not low <= value <= high:
            self._wrong(f"{where}{name}", f"{value:g} is out of range: give {low:g} to {high:g}.")
            return None
        return float(value)

    def _one_of(
        self, told: Mapping[str, Any], name: str, allowed: Sequence[str], where: str = ""
    ) -> str | None:
        value = told.get(name)
        if value is None or value == "":
            return None
        if value in allowed:
            return str(value)
        self._unknown(f"{where}{name}", str(value), allowed)
        return None

    def _some_of(self, told: Mapping[str, Any], name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        kept = []
        for number, value in enumerate(self._list(told, name, len(allowed))):
            if value in allowed:
                kept.append(str(value))
            else:
                self._unknown(f"{name}[{number}]", str(value), allowed)
        return tuple(dict.fromkeys(kept))

    def _list(self, told: Mapping[str, Any], name: str, most: int) -> Sequence[Any]:
        value = told.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            self._wrong(name, "must be a list.")
            return ()
        if len(value) > most:
            self._wrong(name, f"lists {len(value)}: give {most} at most.")
            return ()
        return value

    def _each(
        self, told: Mapping[str, Any], name: str, most: int, read: Callable[[str, Any], T | None]
    ) -> list[T]:
        values = (
            read(f"{name}[{number}]", value) for number, value in enumerate(self._list(told, name, most))
        )
        return [value for value in values if value is not None]

    def _object(self, where: str, value: Any, names: Sequence[str]) -> Mapping[str, Any] | None:
        if not isinstance(value, Mapping):
            self._wrong(where, f"must be an object with {', '.join(names)}.")
            return None
        self._known(where, value, names)
        return value

    def _nice(self, told: Mapping[str, Any]) -> dict[str, int]:
        """Return features wished for: a list, or an object of features and their importance."""
        value = told.get("nice_to_haves")
        if not isinstance(value, Mapping):
            return dict.fromkeys(self._some_of(told, "nice_to_haves", features.KEYS), MIDDLE)
        kept = {}
        for name, strength in value.items():
            where = f"nice_to_haves.{name}"
            if name not in features.KEYS:
                self._unknown(where, str(name), features.KEYS)
            elif _is_strength(strength):
                kept[str(name)] = int(strength)
            else:
                self._wrong(where, "must be a whole number from 1 (a little) to 5 (very much).")
        return kept

    def _label(self, where: str, value: Any) -> str | None:
        """Return a name the buyer gave a place; it is shown, never matched."""
        if not isinstance(value, str) or not value.strip() or len(value.strip()) > MOST_LETTERS:
            self._wrong(where, f"needs a name of at most {MOST_LETTERS} letters.")
            return None
        name = " ".join(value.split())
        check = check_text(name)
        if check.severity is not Severity.PASS:
            self._wrong(
                where,
                f"{check.terms[0]!r} is no name for a place: use its street or its map name.",
                "fair_housing",
            )
            return None
        return name

    def _id(self, where: str, value: Any) -> str | None:
        if isinstance(value, str) and 0 < len(value.strip()) <= MOST_LETTERS:
            return value.strip()
        self._wrong(where, f"must be the id of a school or a district, {MOST_LETTERS} letters at most.")
        return None

    def _area(self, where: str, value: Any) -> Area | None:
        if (told := self._object(where, value, [each.name for each in fields(Area)])) is None:
            return None
        name = self._label(f"{where}.name", told.get("name"))
        corners = self._corners(f"{where}.polygon", told.get("polygon"))
        return Area(name, corners) if name is not None and corners is not None else None

    def _corners(self, where: str, value: Any) -> tuple[tuple[float, float], ...] | None:
        """Return the corners of a polygon that does not cross itself."""
        if not isinstance(value, list | tuple) or not 3 <= len(value) <= MOST_CORNERS + 1:
            self._wrong(where, f"must list 3 to {MOST_CORNERS} corners as [latitude, longitude].")
            return None
        corners = [_point(corner) for corner in value]
        if None in corners:
            self._wrong(f"{where}[{corners.index(None)}]", "must be [latitude, longitude] in degrees.")
            return None
        points = [point for point in corners if point is not None]
        if points[0] == points[-1]:
            points.pop()
        if len(set(points)) < 3:
            self._wrong(where, "needs three corners that differ.")
            return None
        if (pair := crossing(points)) is not None:
            first, second = pair[0] + 1, pair[1] + 1
            self._wrong(
                where, f"crosses itself between its sides {first} and {second}: draw it without a loop."
            )
            return None
        return tuple(points)

    def _target(self, where: str, value: Any) -> Target | None:
        if (told := self._object(where, value, [each.name for each in fields(Target)])) is None:
            return None
        before = len(self.problems)
        inside = f"{where}."
        name = self._label(f"{where}.name", told.get("name", "work"))
        point = _point((told.get("latitude"), told.get("longitude")))
        if point is None:
            self._wrong(where, "needs latitude and longitude in degrees.")
        mode = self._one_of(told, "mode", tuple(Mode), inside)
        clock = _CLOCK.fullmatch(str(told.get("arrive_by", "08:00")))
        if clock is None:
            self._wrong(f"{where}.arrive_by", "must be a time of day such as 08:00.")
        minutes = self._number(told, "max_minutes", low=1.0, high=240.0, where=inside)
        days = self._number(told, "days_per_week", low=0.5, high=7.0, where=inside)
        if len(self.problems) > before or name is None or point is None or clock is None:
            return None
        hour = int(clock[1]) + int(clock[2]) / 60
        standard = Target(name, *point)
        return Target(
            name,
            *point,
            Mode(mode or standard.mode),
            hour,
            standard.max_minutes if minutes is None else minutes,
            standard.days_per_week if days is None else days,
        )

    def _investor(self, told: Mapping[str, Any]) -> Investor | None:
        if told.get("investor") is None:
            return None
        terms = self._object("investor", told["investor"], [each.name for each in fields(Investor)])
        if terms is None:
            return None
        least = self._number(terms, "min_cap", low=0.0, high=50.0, where="investor.")
        target = self._number(terms, "target_cap", low=0.0, high=50.0, where="investor.")
        rent = self._number(terms, "rent_month", low=1.0, high=1e7, where="investor.")
        share = self._number(terms, "expense_share", low=0.0, high=1.0, where="investor.")
        if least is None or target is None or least >= target:
            self._wrong("investor", "needs min_cap and a target_cap above it, in percent.")
            return None
        return Investor(least, target, rent, share)

    def _importance(self, told: Mapping[str, Any]) -> dict[str, str | int]:
        stated = told.get("importance")
        if stated is None:
            return {}
        if self._object("importance", stated, FACTORS) is None:
            return {}
        kept: dict[str, str | int] = {}
        for factor, value in stated.items():
            if factor not in FACTORS:
                continue
            where = f"importance.{factor}"
            if _is_strength(value):
                kept[factor] = int(value)
            elif value == IGNORE or (value == MUST and factor in MUSTS):
                kept[factor] = str(value)
            elif value == MUST:
                self._wrong(where, "cannot be a must, only wished for: give 1 to 5, or ignore.")
            else:
                self._wrong(where, "must be must, ignore or a whole number from 1 to 5.")
        return kept

    def _together(self, wants: Wants) -> None:
        """Look for what is wrong only beside something else."""
        if wants.price_target and wants.price_max and wants.price_target > wants.price_max:
            self._wrong("price_target", "is above price_max: swap them, or raise price_max.")
        if wants.sqft_min and wants.sqft_max and wants.sqft_min > wants.sqft_max:
            self._wrong("sqft_min", "is above sqft_max: swap them, or raise sqft_max.")
        for factor, limits in MUSTS.items():
            named = " or ".join(limits)
            if wants.is_must(factor) and not any(getattr(wants, limit) for limit in limits):
                self._wrong(f"importance.{factor}", f"is a must, but there is no limit: state {named}.")
        both = sorted(set(wants.deal_breakers) & {*wants.must_haves, *wants.nice_to_haves})
        if both:
            self._wrong("deal_breakers", f"{both[0]} is wished for and refused: keep it in one list.")


def _is_strength(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5


def _point(value: Any) -> tuple[float, float] | None:
    """Return a place on the globe; 0, 0 is what a failed look-up gives, and no place."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value):
        return None
    latitude, longitude = float(value[0]), float(value[1])
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude, longitude) == (0.0, 0.0):
        return None
    return latitude, longitude
