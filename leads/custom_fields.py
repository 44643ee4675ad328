"""Typed reading of a tenant's own contact fields: a value becomes one of its type, or is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leads.errors import DomainError
from leads.fields import FieldError, fold, parse_date, parse_money, parse_phone, parse_text

TEXT_LENGTH = 500
LONG_TEXT_LENGTH = 5000
MOST_CHOICES = 100

Value = str | int | float | list[str] | None


@dataclass(frozen=True, slots=True)
class FieldType:
    """How a tenant's field is to be read; data types are spelled as GoHighLevel spells them."""

    key: str
    name: str
    data_type: str
    options: tuple[str, ...] = ()


class CustomFieldErrors(DomainError):
    """Values that do not fit their fields, by field key."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()), "custom")
        self.errors = errors


def read_values(
    values: Mapping[str, object], types: Sequence[FieldType], *, now: datetime
) -> dict[str, Value]:
    """Return the typed values by key; an empty value is None and means the field is to be cleared."""
    known = {field.key: field for field in types}
    read: dict[str, Value] = {}
    errors: dict[str, str] = {}
    for key, value in values.items():
        if key not in known:
            errors[key] = f"There is no field “{key}”. Known fields: {', '.join(sorted(known)) or 'none'}."
            continue
        try:
            read[key] = read_value(known[key], value, now=now)
        except FieldError as error:
            errors[key] = error.message
    if errors:
        raise CustomFieldErrors(errors)
    return read


def read_value(field: FieldType, value: object, *, now: datetime) -> Value:
    """Return one value in the type of its field, ready for JSON."""
    if value is None or value == "" or value == []:
        return None
    reader = _READERS.get(field.data_type)
    if reader is None:
        raise FieldError(f"Values of the type {field.data_type} cannot be set here.")
    return reader(field, value, now)


def _text(field: FieldType, value: object, now: datetime) -> str:
    return parse_text(value, TEXT_LENGTH)


def _long_text(field: FieldType, value: object, now: datetime) -> str:
    return parse_text(value, LONG_TEXT_LENGTH)


def _number(field: FieldType, value: object, now: datetime) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise FieldError("Write this as a number, like 3 or 2.5.")
    try:
        number = float(value.replace(",", "").strip()) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        raise FieldError("This is not a number. Write it like 3 or 2.5.") from None
    if not math.isfinite(number) or abs(number) > 1e15:
        raise FieldError("This number is too large to keep.")
    return int(number) if number.is_integer() else number


def _money(field: FieldType, value: object, now: datetime) -> float:
    return float(parse_money(value))


def _date(field: FieldType, value: object, now: datetime) -> str:
    return parse_date(value, now=now).isoformat()


def _phone(field: FieldType, value: object, now: datetime) -> str:
    return parse_phone(value)


def _one_option(field: FieldType, value: object, now: datetime) -> str:
    return _option(field, parse_text(value, TEXT_LENGTH))


def _several_options(field: FieldType, value: object, now: datetime) -> list[str]:
    parts = value if isinstance(value, list) else str(parse_text(value, LONG_TEXT_LENGTH)).split(",")
    if len(parts) > MOST_CHOICES:
        raise FieldError(f"Choose at most {MOST_CHOICES}.")
    chosen = [_option(field, text) for part in parts if (text := parse_text(part, TEXT_LENGTH))]
    return list(dict.fromkeys(chosen))


def _option(field: FieldType, text: str) -> str:
    """Return the option as the tenant spells it; any text goes when the options are not known."""
    if not field.options:
        return text
    by_fold = {fold(option).strip(): option for option in field.options}
    option = by_fold.get(fold(text).strip())
    if option is None:
        raise FieldError(f"“{text[:40]}” is not one of: {', '.join(field.options)}.")
    return option


_READERS: Mapping[str, Callable[[FieldType, object, datetime], Value]] = {
    "TEXT": _text,
    "LARGE_TEXT": _long_text,
    "NUMERICAL": _number,
    "MONETORY": _money,  # GHL's spelling
    "DATE": _date,
    "PHONE": _phone,
    "CHECKBOX": _several_options,
    "MULTIPLE_OPTIONS": _several_options,
    "SINGLE_OPTIONS": _one_option,
    "RADIO": _one_option,
}
