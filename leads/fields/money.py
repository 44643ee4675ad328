"""Amounts of dollars as people write them, in English and Spanish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from leads.fields.typed import FieldError, fold, numbered, typed_text

MAX_MONEY = Decimal("1e12")
LEAST_MENTION = 1_000


@dataclass(frozen=True, slots=True)
class MoneyRange:
    """An amount from `low` to `high`; an open side is None."""

    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class Amount:
    """Money mentioned in running text, with its place and whether it is a monthly sum."""

    start: int
    end: int
    value: float
    monthly: bool


_UNITS = {
    **numbered(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    ),
    **numbered("seventeen eighteen nineteen", start=17),
    **numbered("twenty thirty forty fifty sixty seventy eighty ninety", start=20, step=10),
    **numbered("uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"),
    **numbered("veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa", start=20, step=10),
    **numbered("cien doscientos trescientos cuatrocientos quinientos", start=100, step=100),
    **numbered("seiscientos setecientos ochocientos novecientos", start=600, step=100),
    "un": 1,
    "ciento": 100,
}
_SCALES = {
    "hundred": 100, "thousand": 1_000, "grand": 1_000, "k": 1_000, "mil": 1_000, "million": 1_000_000,
    "mm": 1_000_000, "mn": 1_000_000, "m": 1_000_000, "millon": 1_000_000, "millones": 1_000_000,
}  # fmt: skip
_WORDS = "|".join(
    sorted((*_UNITS, "hundred", "thousand", "million", "mil", "millon", "millones"), key=len, reverse=True)
)
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?(?!\d)|\d{1,3}(?:\.\d{3})+(?![\d.])|\d+(?:\.\d+)?"
_SUFFIX = r"thousand|grand|millones|millon|million|mil|mm|mn|k|m"
_NUMBER = rf"(?:(?P<digits>{_DIGITS})\s?(?P<suffix>(?:{_SUFFIX})(?![a-z]))?)"
_SPOKEN = (
    rf"(?P<half>half a million|medio millon|(?:a )?quarter (?:of a )?million"
    rf"|(?:three|3) quarters of a million"
    rf"|(?:one|a) (?:and a half million|million and a half)|un millon y medio|a million)"
    rf"|(?P<words>(?:{_WORDS})(?:[ -](?:and |y )?(?:{_WORDS}))*)"
)
_FRACTIONS = (
    ("three", 750_000), ("3", 750_000), ("quarter", 250_000), ("y medio", 1_500_000),
    ("and a half", 1_500_000), ("half", 500_000), ("medio", 500_000), ("a million", 1_000_000),
)  # fmt: skip
_MONEY = re.compile(rf"(?P<sign>-)?(?P<currency>us\$|\$|usd\s?)?\s?(?:{_NUMBER}|\b(?:{_SPOKEN})\b)")
_WRITTEN = re.compile(rf"(?=[\d$])(?P<currency>\$)?\s?{_NUMBER}(?P<half>)(?P<words>)")
_LARGE = re.compile(r"\b(?:mil|million|millon|thousand|hundred|quarter)")
_SAID = re.compile(rf"\b(?:{_SPOKEN})\b(?P<digits>)(?P<suffix>)")
_MONTHLY = re.compile(
    r"\s?(?:dollars|dolares|usd)?\s?(?:/|a|per|al|por|each|cada)?\s?(?:month|mo\b|mes\b|monthly|mensual)"
)
_AFTER = r"\s*(?:us)?(?:dollars?|dolares|bucks|usd)?"
_OPEN_LOW = (
    r"(?:up to|under|below|less than|at most|max(?:imum)?(?: of)?|no more than|hasta|menos de|maximo)\s*"
)
_OPEN_HIGH = (
    r"(?:over|above|more than|at least|from|min(?:imum)?(?: of)?|starting at|mas de|desde|minimo|al menos)\s*"
)


def parse_money(value: object) -> Decimal:
    """Return one amount of dollars: "$580k", "half a million", "1.2M", "$580,000.00", 580000."""
    bounds = parse_money_range(value)
    if bounds.low is None or bounds.high is None or bounds.low != bounds.high:
        raise FieldError("This is a range of money. Write one amount, like $580,000.")
    return bounds.low


def parse_money_range(value: object) -> MoneyRange:
    """Return the amounts between which the value lies: "$500-600k", "up to 1.2M", "over $300,000"."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        amount = _checked_money(Decimal(str(value)))
        return MoneyRange(amount, amount)
    text = fold(typed_text(value, "amount of money"))
    text = re.sub(
        r"^(?:about|around|approximately|approx\.?|roughly|~|cerca de|alrededor de|unos)\s*",
        "",
        text,
    )
    if opened := re.fullmatch(rf"{_OPEN_LOW}(.+)", text):
        return MoneyRange(None, _one_amount(opened[1]))
    if sides := re.fullmatch(r"(?:between|entre) (.+?) (?:and|y) (?!medio)(.+)", text):
        return _between(sides[1], sides[2])
    if sides := re.fullmatch(
        r"(?:from |de )?(.*\S)\s*(?:-|\bto\b|\ba\b(?! half| quarter| million)|\.\.+)\s*(.+)",
        text,
    ):
        return _between(sides[1], sides[2])
    if opened := re.fullmatch(rf"{_OPEN_HIGH}(.+)|(.+)\+", text):
        return MoneyRange(_one_amount(opened[1] or opened[2]), None)
    amount = _one_amount(text)
    return MoneyRange(amount, amount)


def _between(left: str, right: str) -> MoneyRange:
    """Read both sides of a range; "500-600k" lends its suffix to the left side."""
    high = _one_amount(right)
    suffix = re.search(rf"\d\s?({_SUFFIX})$", right)
    low = _one_amount(left + suffix[1] if suffix and re.fullmatch(r"\$?\s?[\d.]+", left) else left)
    if low > high:
        raise FieldError(
            "The first amount of the range is larger than the second. Write it like $500,000-$600,000."
        )
    return MoneyRange(low, high)


def _one_amount(text: str) -> Decimal:
    """Read exactly one amount, or say how to write it."""
    match = _MONEY.match(text.strip())
    if match is None or not re.fullmatch(_AFTER, text.strip()[match.end() :]):
        raise FieldError("This is not an amount of money. Write it like $580,000, 580k or 1.2M.")
    amount = _amount(match)
    return _checked_money(-amount if match["sign"] else amount)


def _checked_money(amount: Decimal) -> Decimal:
    """Refuse what cannot be a price."""
    if not amount.is_finite() or amount < 0:
        raise FieldError("An amount of money cannot be negative. Write it like $580,000.")
    if amount > MAX_MONEY:
        raise FieldError("This amount is too large. Check for extra digits.")
    return amount.quantize(Decimal("0.01"))


def _amount(match: re.Match[str]) -> Decimal:
    """Return the value of a money match."""
    if match["digits"]:
        digits = match["digits"].replace(",", "")
        if digits.count(".") > 1 or re.fullmatch(r"\d{1,3}\.\d{3}", digits) and not match["suffix"]:
            digits = digits.replace(".", "")
        return Decimal(digits) * _SCALES.get(match["suffix"] or "", 1)
    if match["half"]:
        return Decimal(next(value for word, value in _FRACTIONS if word in match["half"]))
    return Decimal(_spelled(match["words"]))


def _spelled(words: str) -> int:
    """Return the number a run of English or Spanish number words names."""
    total = part = 0
    for word in re.split(r"[ -]", words):
        if word in _UNITS:
            part += _UNITS[word]
        elif word in _SCALES and _SCALES[word] == 100:
            part = (part or 1) * 100
        elif word in _SCALES:
            total += (part or 1) * _SCALES[word]
            part = 0
    return total + part


def amounts_in(folded: str) -> Iterator[Amount]:
    """Yield the sums of money in folded running text: marked by a currency, a suffix or their size."""
    for match in _WRITTEN.finditer(folded):
        digits = match["digits"]
        marked = match["currency"] or match["suffix"] or "," in digits or len(digits) >= 5
        if marked and not folded[match.start("digits") - 1 : match.start("digits")].isalnum():
            yield from _mention(folded, match)
    if _LARGE.search(folded):
        for match in _SAID.finditer(folded):
            yield from _mention(folded, match)


def _mention(folded: str, match: re.Match[str]) -> Iterator[Amount]:
    """Yield the sum of a match unless it is too small to speak of homes."""
    value = float(_amount(match))
    if value >= LEAST_MENTION:
        yield Amount(match.start(), match.end(), value, _MONTHLY.match(folded, match.end()) is not None)
